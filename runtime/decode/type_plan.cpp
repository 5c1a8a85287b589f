#include "runtime/decode/type_plan.h"

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
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

TypePlans plan_types(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                     const std::vector<bool>& used_types) {
  TOCSIN_ASSERT(
      used_fields.size() == plan.event_types.size() && used_types.size() == plan.event_types.size(),
      "the masks are those of a program of this plan");
  std::vector<std::string> words;
  std::vector<int> type_of_word;
  TypePlans result;
  result.types.resize(plan.event_types.size());
  for (std::size_t t = 0; t < result.types.size(); ++t) {
    const cep::EventType& event_type = plan.event_types[t];
    TypePlan& type = result.types[t];
    if (event_type.is_alert()) continue;  // those come from rules alone
    words.push_back(event_type.json_type);
    type_of_word.push_back(static_cast<int>(t));
    type.used = used_types[t];
    type.keeps_line = type.used && !event_type.id_field;
    std::vector<std::size_t> fields;
    for (std::size_t f = 0; f < event_type.fields.size(); ++f) {
      if (f == event_type.time_field.value || (type.used && used_fields[t][f])) fields.push_back(f);
    }
    plan_fields(event_type, fields, type);
    type.reads_type = type.objects[0].keys.find_text("type") != WordTable::kAbsent;
    type.required.resize((type.key_count + 63) / 64);
    for (Leaf& leaf : type.leaves) {
      if (!leaf.optional) type.required[leaf.bit / 64] |= std::uint64_t{1} << (leaf.bit % 64);
      const cep::Field& field = event_type.fields[leaf.field.value];
      leaf.has_column = type.used && used_fields[t][leaf.field.value];
      // Every number of a time that is read quickly lies in the range of times.
      leaf.is_number = leaf.kind == cep::TypeKind::kInt || leaf.kind == cep::TypeKind::kDecimal ||
                       (leaf.kind == cep::TypeKind::kTime && number_scale(field) >= 0);
      if (field.type.kind == cep::TypeKind::kEnum) {
        result.word_tables.push_back(std::make_unique<WordTable>(*field.type.words));
        leaf.words = result.word_tables.back().get();
      }
    }
    result.key_count_max = std::max(result.key_count_max, type.key_count);
  }
  result.names = TypeNames(std::move(words), std::move(type_of_word));
  return result;
}
}  // namespace tocsin::runtime
