/// Which rules come before which: those whose alerts others read, themselves or through features.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/plan.h"

namespace tocsin::oracle {
/// The rules in stages: each reads alerts of stages before its own alone.
std::vector<std::vector<cep::RuleIndex>> stages_of(const cep::Plan& plan);
/// A rule's level (docs/internals/matching.md, Levels and passes): one above alerts that it reads
/// and above features that are kept or read under another key, else that of its inputs.
std::uint32_t level_of(const cep::Plan& plan, cep::RuleIndex rule);
/// The event types that a rule's alerts are events of, in the order of the plan: its own first.
std::vector<cep::EventTypeIndex> types_of_alert(const cep::Plan& plan, cep::RuleIndex rule);
}  // namespace tocsin::oracle
