/// The names of the plan's parts, for headers that only refer to them.
#pragma once
#include <memory>

namespace tocsin::cep {
struct EventType;
struct Field;
struct Subset;
struct List;
struct Table;
struct TableRow;
struct Zone;
struct KeySpec;
struct FeatureWindow;
struct Feature;
struct Element;
struct Variable;
struct ClosingWindow;
struct Suppression;
struct Captured;
struct Rule;
struct Plan;
struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;
}  // namespace tocsin::cep
