/// What a pack needs and has, for a program that feeds it or spreads its work.
#pragma once
#include <string>

#include "cep/compile/compile.h"

namespace tocsin::library {
/// One JSON object, as docs/c.md describes it.
std::string pack_needs_json(const cep::Program& program);
}  // namespace tocsin::library
