#include "tests/state/state_kinds.h"

#include "cep/plan/aggregate.h"
#include "runtime/node/node_commands.h"
#include "tests/state/kind_names.h"

namespace tocsin::tests {
namespace {
template <typename E>
void want_all(KindCounts& kinds, const std::string& group, const char* (*name)(E)) {
  for (int i = 0; i < 256; ++i) {
    const char* const one = name(static_cast<E>(i));
    if (one != nullptr) kinds.add(group + "/" + one, 0);
  }
}
}  // namespace

KindCounts::KindCounts() {
  // What an entry has.
  want_all(*this, "state", name_of_state);
  want_all(*this, "operator", name_of_operator);
  want_all(*this, "method", name_of_method);
  want_all(*this, "window", name_of_window);
  for (const char* const form : kWindowForms) add(std::string("window form/") + form, 0);
  for (const cep::Aggregate aggregate : cep::kAggregates) {
    for (int i = 0; i < 256; ++i) {
      const auto use = static_cast<cep::AccumulatorUse>(i);
      const char* const name = name_of_use(use);
      if (name != nullptr && is_used(aggregate, use)) {
        add(std::string("aggregate/") + cep::aggregate_name(aggregate) + " " + name, 0);
      }
    }
    if (cep::traits_of(aggregate).estimates_many) {
      add(std::string("sketch/") + cep::aggregate_name(aggregate), 0);
    }
  }
  for (const char* const group : {"value in order", "value in a set", "value counted"}) {
    want_all(*this, group, name_of_declared_type);
  }
  want_all(*this, "selection", name_of_selection);
  want_all(*this, "ending", name_of_ending);
  for (const char* const by : {" by key", " by values"}) {
    for (int i = 0; i < 256; ++i) {
      const char* const once = name_of_once(static_cast<cep::Once>(i));
      if (once != nullptr) add(std::string("suppression/once ") + once + by, 0);
    }
    add(std::string("suppression/at most") + by, 0);
  }
  want_all(*this, "suppression remembers", name_of_remembered);
  want_all(*this, "field", name_of_declared_type);
  want_all(*this, "value of a match", name_of_value);
  for (const char* const kind : kMatchKinds) add(std::string("matches/") + kind, 0);
  for (const char* const kind : kEventKinds) add(std::string("event/") + kind, 0);
  for (const char* const kind : kGlobalKinds) add(std::string("globals/") + kind, 0);
  // What inputs and the node have.
  want_all(*this, "source", name_of_source_state);
  want_all(*this, "late policy", name_of_late_policy);
  want_all(*this, "source kind", name_of_source_kind);
  for (const char* const kind : kInputKinds) add(std::string("inputs/") + kind, 0);
  want_all(*this, "list kind", name_of_list_kind);
  // What a directory has beside checkpoints.
  want_all(*this, "record", name_of_record);
  want_all(*this, "decision", name_of_decision);
  want_all(*this, "list change", name_of_list_action);
  want_all(*this, "withheld", name_of_withheld);
  for (const std::string_view command : runtime::kCommands)
    add("command/" + std::string(command), 0);
  for (const std::string& family : stored_families()) add("store/" + family, 0);
}
}  // namespace tocsin::tests
