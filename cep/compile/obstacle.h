/// What in a rule asks for more than the simple methods, or than places, know.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
enum class ObstacleKind : std::uint8_t {
#define TOCSIN_OBSTACLE(kind, name, words) kind,
#include "cep/compile/obstacles.def"
#undef TOCSIN_OBSTACLE
};
/// Something for which a busy key is matched by partial matches, not by places.
struct Obstacle {
  ObstacleKind kind = ObstacleKind::kGroup;
  const Element* element = nullptr;  // of the rule's pattern; null: of the whole rule
};
/// A stable word: "earlier_event".
std::string_view name_of(ObstacleKind kind);
/// "a condition on an earlier event".
std::string_view words_of(ObstacleKind kind);
/// What of a rule's pattern and clauses the simple methods do not know.
std::vector<Obstacle> general_obstacles(const Rule& rule);
/// Whether it says any of this: then the general matcher runs it.
bool needs_general(const Rule& rule);
}  // namespace tocsin::cep
