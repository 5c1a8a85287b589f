#include "runtime/decode/type_plan.h"

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "cep/value/json_path.h"

namespace tocsin::runtime {
namespace {
// Builds the object plans of a type from the paths of the fields chosen.
class TypePlanBuilder {
 public:
  TypePlanBuilder(const cep::EventType& type, TypePlan& plan) : type_(type), plan_(plan) {}

  void build(const std::vector<std::size_t>& fields) {
    std::vector<Path> paths;
    paths.reserve(fields.size());
    for (const std::size_t field : fields) {
      paths.push_back({field, std::span<const std::string>(type_.fields[field].path)});
    }
    add_object(paths);
  }

 private:
  struct Path {
    std::size_t field;
    std::span<const std::string> rest;
  };

  int add_object(const std::vector<Path>& paths) {
    const std::size_t index = plan_.objects.size();
    plan_.objects.emplace_back();
    std::vector<std::string> keys;
    for (const Path& path : paths) {
      if (std::find(keys.begin(), keys.end(), path.rest.front()) == keys.end()) {
        keys.push_back(path.rest.front());
      }
    }
    std::vector<Target> targets;
    for (const std::string& key : keys) targets.push_back(add_target(paths, key));
    plan_.objects[index].keys = WordTable(std::move(keys));
    plan_.objects[index].targets = std::move(targets);
    return static_cast<int>(index);
  }

  int add_array(const std::vector<Path>& paths) {
    const std::size_t index = plan_.arrays.size();
    plan_.arrays.emplace_back();
    std::map<std::uint32_t, std::string> steps;
    for (const Path& path : paths) {
      steps.emplace(*cep::array_place(path.rest.front()), path.rest.front());
    }
    ArrayPlan array;
    for (const auto& [place, step] : steps) {
      array.places.push_back(place);
      array.targets.push_back(add_target(paths, step));
    }
    plan_.arrays[index] = std::move(array);
    return static_cast<int>(index);
  }

  // What `step` of these paths leads to.
  Target add_target(const std::vector<Path>& paths, const std::string& step) {
    Target target;
    target.bit = plan_.key_count++;
    target.leaf_begin = static_cast<std::uint32_t>(plan_.leaves.size());
    std::vector<Path> in_object;
    std::vector<Path> in_array;
    for (const Path& path : paths) {
      if (path.rest.front() != step) continue;
      if (path.rest.size() == 1) {
        add_leaf(path.field, target.bit);
      } else {
        const Path below{path.field, path.rest.subspan(1)};
        (cep::array_place(below.rest.front()) ? in_array : in_object).push_back(below);
      }
    }
    target.leaf_end = static_cast<std::uint32_t>(plan_.leaves.size());
    if (!in_object.empty()) target.child = add_object(in_object);
    if (!in_array.empty()) target.array = add_array(in_array);
    return target;
  }

  void add_leaf(std::size_t field, std::uint32_t bit) {
    const cep::Field& declared = type_.fields[field];
    Leaf leaf;
    leaf.kind = declared.type.kind;
    const int scale = number_scale(declared);
    leaf.scale = static_cast<std::uint8_t>(scale > 0 ? scale : 0);
    leaf.form = number_form(declared);
    leaf.optional = declared.optional;
    leaf.is_event_time = field == type_.time_field.value;
    leaf.field = cep::FieldIndex(field);
    leaf.bit = bit;
    plan_.leaves.push_back(leaf);
  }

  const cep::EventType& type_;
  TypePlan& plan_;
};
}  // namespace

void plan_fields(const cep::EventType& type, const std::vector<std::size_t>& fields,
                 TypePlan& plan) {
  TypePlanBuilder(type, plan).build(fields);
}
}  // namespace tocsin::runtime
