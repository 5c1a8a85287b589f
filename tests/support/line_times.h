/// Lines of events by their time.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"
#include "runtime/decode/decoder.h"

namespace tocsin::tests {
/// A type that nothing uses: its events move time and do no more.
void add_tick(cep::Plan& plan);
std::string tick_line(cep::EventTime ts);

/// Tells of each line how the program reads it; `decoded` gives false to stop.
void for_each_line(const cep::Program& program, const std::vector<std::string>& lines,
                   const std::function<bool(std::size_t, const runtime::Decoded&)>& decoded);
/// The first line that is an event of `at` or later; their number where none is.
std::size_t first_line_from(const cep::Program& program, const std::vector<std::string>& lines,
                            cep::EventTime at);
}  // namespace tocsin::tests
