/// What in a rule asks for more than the simple methods, or than places, know.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "cep/plan/expr.h"
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
/// Whether it is of `except`, `once`, `at most`, or features as of a step: what is remembered of
/// partial matches does not depend on it.
bool is_of_clause(ObstacleKind kind);
/// What of `without` needs partial matches: each has a deadline of its own, or asks something of
/// its own events.
std::optional<Obstacle> obstacle_of_without(const Rule& rule);
/// The first of these clauses that may tell matches apart which end with the same event: it reads
/// what `reads` is true of. Where none does, the first match in order decides for all of them.
std::optional<Obstacle> obstacle_of_clauses(const Rule& rule,
                                            const std::function<bool(const Expr&)>& reads);
}  // namespace tocsin::cep
