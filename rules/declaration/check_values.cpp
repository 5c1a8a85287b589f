#include "rules/declaration/check_values.h"

#include <fmt/format.h>

#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/check_regex.h"
#include "rules/expression/coerce_literal.h"

namespace tocsin::rules {
using cep::Value;
using tree::ExprKind;

namespace {
// The symbol of this declaration; nothing where the name was declared before.
template <typename Declaration>
ValueSymbol* own_symbol(CheckContext& context, const Declaration& declaration) {
  const auto found = context.names.values.find(declaration.name.text);
  if (found == context.names.values.end() || found->second.name != &declaration.name)
    return nullptr;
  return &found->second;
}

void read_const(CheckContext& context, const tree::Const& tree, ValueSymbol& symbol) {
  symbol.broken = true;
  if (!tree.value) return;
  const tree::Expr& literal = *tree.value;
  switch (literal.kind) {
    case ExprKind::kError:
      return;
    case ExprKind::kRegex:
      if (!check_regex(context, literal)) return;
      symbol.constant.regex = &literal;
      break;
    case ExprKind::kName:
      symbol.constant.word = &literal.name;
      break;
    case ExprKind::kList:
      symbol.constant.is_list = true;
      for (const tree::ExprPtr& element : literal.args) {
        const Value value = element->kind == ExprKind::kName ? Value::string(element->name.text)
                                                             : plain_literal(*element);
        if (value.is_missing()) {
          if (element->kind == ExprKind::kError) return;
          context.sink.report(
              make_diagnostic(Code::kE0309, element->span,
                              "a constant list holds numbers, texts, dates, times or words"));
          return;
        }
        symbol.constant.values.emplace_back(value);
      }
      break;
    default: {
      const Value value = plain_literal(literal);
      if (value.is_missing()) {
        context.sink.report(
            make_diagnostic(Code::kE0309, literal.span, "a constant is one literal"));
        return;
      }
      symbol.constant.values.emplace_back(value);
    }
  }
  symbol.broken = tree.broken;
}
}  // namespace

void check_consts(CheckContext& context, const std::vector<const tree::Const*>& consts) {
  for (const tree::Const* tree : consts) {
    ValueSymbol repeated;
    ValueSymbol* symbol = own_symbol(context, *tree);
    read_const(context, *tree, symbol ? *symbol : repeated);
  }
}
}  // namespace tocsin::rules
