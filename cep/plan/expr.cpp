#include "cep/plan/expr.h"

namespace tocsin::cep {
namespace {
// The payload's member in each family that has one; null in the others.
struct FieldIn {
  const FieldRef* operator()(const FieldRead& read) const { return &read.field; }
  const FieldRef* operator()(const BoundField& bound) const { return &bound.field; }
  template <typename P>
  const FieldRef* operator()(const P& /*other*/) const {
    return nullptr;
  }
};
struct VariableIn {
  const VarIndex* operator()(const BoundField& bound) const { return &bound.var; }
  const VarIndex* operator()(const VariableAggregate& over) const { return &over.var; }
  const VarIndex* operator()(const VariableTest& test) const { return &test.var; }
  template <typename P>
  const VarIndex* operator()(const P& /*other*/) const {
    return nullptr;
  }
};
}  // namespace

Payload payload_for(Op op) {
  switch (op) {
    case Op::kLiteral:
      return LiteralValue();
    case Op::kField:
    case Op::kPrev:
      return FieldRead();
    case Op::kBound:
      return BoundField();
    case Op::kAggregate:
      return VariableAggregate();
    case Op::kIsBound:
    case Op::kInLoop:
      return VariableTest();
    case Op::kFeature:
      return FeatureRead();
    case Op::kKey:
      return KeyRead();
    case Op::kIn:
    case Op::kMatchesAnyOf:
    case Op::kContainsAnyOf:
    case Op::kContainsAnyWordOf:
    case Op::kMatched:
      return ListLookup();
    case Op::kTable:
    case Op::kInTable:
      return ColumnRead();
    case Op::kMatches:
      return RegexLiteral();
    case Op::kCall:
      return FunctionCall();
    case Op::kInKinds:
      return KindTest();
    default:
      return std::monostate();
  }
}

const FieldRef* field_of(const Expr& expr) { return std::visit(FieldIn(), expr.payload); }
FieldRef* field_of(Expr& expr) { return const_cast<FieldRef*>(field_of(std::as_const(expr))); }
const VarIndex* variable_of(const Expr& expr) { return std::visit(VariableIn(), expr.payload); }
VarIndex* variable_of(Expr& expr) {
  return const_cast<VarIndex*>(variable_of(std::as_const(expr)));
}
}  // namespace tocsin::cep
