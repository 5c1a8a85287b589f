/// The state of one engine becomes that of another, as if it had been stored and read back: for
/// rules that change while a node runs.
#pragma once
#include "cep/base/result.h"
#include "cep/engine.h"

namespace tocsin::runtime {
/// Gives all that `from` remembers, as of its last slice, to `to`: a fresh engine of any program;
/// says what was kept. Both track changes. `from` must not be advanced afterwards. Takes time, and
/// for a moment memory, by the number of keys. Fails as Engine::restore() does.
Result<cep::RestoreReport> carry_over(cep::Engine& from, cep::Engine& to);
}  // namespace tocsin::runtime
