/// How a pack runs as a job of stages over several machines (cep/stage): its graph, what each
/// exchange carries, what runs in one part, and what cannot be spread.
#pragma once
#include <cstddef>
#include <string>

#include "cep/base/result.h"
#include "cep/compile/compile.h"

namespace tocsin::library {
/// The program with a table for each key and pass, as the functions below take it.
Result<cep::Program> spread_program(const cep::Program& program);
/// One JSON object without an end of line; docs/c.md lists its members. Of a program that
/// spread_program() gave.
std::string job_plan_json(const cep::Program& program);
/// The same as lines of text, of at most `columns` characters where words allow.
std::string job_plan_text(const cep::Program& program, std::size_t columns);
}  // namespace tocsin::library
