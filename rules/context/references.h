/// What a declaration mentions, as written: the kinds of events, and the bare names that may be
/// features. No name is resolved, so a step's name is among them too.
#pragma once
#include <vector>

#include "rules/syntax/tree.h"

namespace tocsin::rules {
struct References {
  std::vector<const tree::KindRef*> kinds;
  std::vector<const tree::Name*> names;
  std::vector<const tree::Name*> keys;  // behind `by`: fields or declared keys
  bool aggregates_of_rule = false;      // some have a window and are by the rule's own key
};
References references_of(const tree::Kind& kind);
References references_of(const tree::Key& key);
References references_of(const tree::Feature& feature);
References references_of(const tree::Features& group);
References references_of(const tree::Rule& rule);
References references_of(const tree::Event& event);
References references_of(const tree::List& list);
References references_of(const tree::Table& table);
References references_of(const tree::Defaults& defaults);
References references_of(const tree::Test& test);
}  // namespace tocsin::rules
