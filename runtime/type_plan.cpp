#include "runtime/type_plan.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

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
    for (const std::string& key : keys) {
      Target target;
      target.bit = plan_.key_count++;
      target.leaf_begin = static_cast<std::uint32_t>(plan_.leaves.size());
      std::vector<Path> below;
      for (const Path& path : paths) {
        if (path.rest.front() != key) continue;
        if (path.rest.size() == 1) {
          add_leaf(path.field, target.bit);
        } else {
          below.push_back({path.field, path.rest.subspan(1)});
        }
      }
      target.leaf_end = static_cast<std::uint32_t>(plan_.leaves.size());
      if (!below.empty()) target.child = add_object(below);
      targets.push_back(target);
    }
    plan_.objects[index].keys = WordTable(std::move(keys));
    plan_.objects[index].targets = std::move(targets);
    return static_cast<int>(index);
  }

  void add_leaf(std::size_t field, std::uint32_t bit) {
    const cep::Field& declared = type_.fields[field];
    Leaf leaf;
    leaf.kind = declared.type.kind;
    leaf.scale = declared.type.scale;
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
