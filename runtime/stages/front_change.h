/// Rules that change in the front of a job: which event types judges and the intake can go over to.
#pragma once
#include <cstdint>

#include "cep/base/result.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::runtime {
/// Whether judges are told of changes too; else they go on by the types that they were opened with,
/// and the types of all later rules must be judged alike.
enum class JudgesChange : bool { kNo = false, kYes = true };
/// Whether lines can be read by `now` before a time and by `next` from it on. Two plans must agree
/// about the time of a line that is an event to both; where judges stay, also about which types
/// there are, their ids, and what tells equal events apart. Error: kInvalidArgument, with the type
/// and the remedy.
Result<void> check_front_change(const cep::Plan& now, const cep::Plan& next, JudgesChange judges);
/// Two plans that have the same give events without an id field the same identities. Never 0.
std::uint64_t identities_tag(const cep::Plan& plan);
}  // namespace tocsin::runtime
