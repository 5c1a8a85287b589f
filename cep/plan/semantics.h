/// The number of what plans and events mean to this program.
#pragma once
#include <cstdint>

namespace tocsin::cep {
/// Raised by every change after which a journal could give other alerts. It is written in journal
/// segments, checkpoints and savepoints: a program of another number refuses to continue them.
inline constexpr std::uint32_t kSemantics = 4;
}  // namespace tocsin::cep
