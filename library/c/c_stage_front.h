/// The stages in front of the passes, as the C interface opens them.
#pragma once
#include <cstdint>
#include <memory>

#include "cep/compile/compile.h"
#include "cep/value/group_range.h"
#include "library/c/c_run_options.h"
#include "library/c/c_stage_part.h"
#include "runtime/stages/front_change.h"

namespace tocsin::library {
/// Whether a kind of stage is opened with the options of a run.
bool has_intake_options(int kind);
/// A judge, or a part of the intake; null for other kinds, and where `pass` is not 0. A judge has
/// no groups. `changes`: whether judges are told of changes of rules.
std::unique_ptr<StagePart> make_front_part(const cep::Program& program, int kind,
                                           std::uint32_t pass, cep::KeyGroupRange own,
                                           const CRunOptions& options,
                                           runtime::JudgesChange changes);
}  // namespace tocsin::library
