/// The source of a job of stages: lines of events in, blocks out.
#pragma once
#include <memory>

#include "cep/compile/compile.h"
#include "library/c/c_stage_part.h"

namespace tocsin::library {
std::unique_ptr<StagePart> make_source_part(const cep::Program& program);
}  // namespace tocsin::library
