/// Expressions by walking their trees.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/value.h"
#include "tests/support/oracle_world.h"

namespace tocsin::oracle {
/// Where an expression is asked: at a current event, with what a match has taken so far.
struct Context {
  const World& world;
  Position current = 0;
  const cep::Rule* rule = nullptr;                  // absent in kinds and features
  const std::vector<Taken>* taken = nullptr;        // absent in kinds and features
  std::vector<std::string> roles = {};              // as which the current event is asked
  std::optional<cep::VarIndex> own = std::nullopt;  // the loop that `prev` is about
  bool is_taken = true;                             // the current event is the last of `own`
};
/// The value of an expression. Its text is borrowed from the plan, an event or the world.
cep::Value evaluate(const cep::Expr& expr, const Context& context);
/// The events of a variable, or of those that belong to it, in the order taken.
std::vector<Position> events_of(const cep::Rule& rule, const std::vector<Taken>& taken,
                                cep::VarIndex var);
/// A quotient as it is kept: decimal(9), half even; other values as they are. What leaves 64 bits
/// is missing.
cep::Value as_kept(const cep::Value& value);
}  // namespace tocsin::oracle
