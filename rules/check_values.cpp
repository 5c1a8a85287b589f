#include "rules/check_values.h"

#include <fmt/format.h>

#include "rules/fit_literal.h"
#include "rules/report.h"
#include "rules/types.h"

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
      report_unavailable(context, literal.span, "/…/");
      return;
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

void read_list(CheckContext& context, const tree::List& tree, cep::List& list, bool& broken) {
  if (tree.form == tree::ListForm::kText || tree.form == tree::ListForm::kRegex) {
    const bool is_text = tree.form == tree::ListForm::kText;
    report_unavailable(context, tree.form_span, is_text ? "list of text" : "list of regex",
                       "search in text comes in a later version");
    broken = true;
    return;
  }
  if (tree.from) {
    report_unavailable(context, tree.from->span, "a list from a file",
                       "write the values here: `= [ … ]`");
    broken = true;
    return;
  }
  if (tree.form == tree::ListForm::kDecimal) {
    const std::int64_t scale = tree.scale ? tree.scale->value : 0;
    if (scale > cep::kScaleMax) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0303, tree.scale->span,
                          fmt::format("`decimal({})` has too many digits after the point", scale));
      diagnostic.helps.push_back(fmt::format("at most {}", cep::kScaleMax));
      context.sink.report(std::move(diagnostic));
      broken = true;
      return;
    }
    list.element = decimal_type(static_cast<int>(scale));
  } else {
    list.element = plain_type(tree.form == tree::ListForm::kInt ? cep::TypeKind::kInt
                                                                : cep::TypeKind::kString);
  }
  for (const tree::ExprPtr& element : tree.values) {
    const auto value =
        fit_literal(context, *element, list.element, "an element of the list", tree.form_span);
    if (value) list.values.push_back(*value);
  }
}
}  // namespace

void check_consts(CheckContext& context, const std::vector<const tree::Const*>& consts) {
  for (const tree::Const* tree : consts) {
    ValueSymbol repeated;
    ValueSymbol* symbol = own_symbol(context, *tree);
    read_const(context, *tree, symbol ? *symbol : repeated);
  }
}

void check_lists(CheckContext& context, const std::vector<const tree::List*>& lists) {
  for (const tree::List* tree : lists) {
    cep::List list;
    list.name = tree->name.text;
    bool broken = tree->broken;
    read_list(context, *tree, list, broken);
    ValueSymbol* symbol = own_symbol(context, *tree);
    if (!symbol) continue;
    symbol->broken = broken;
    symbol->list = cep::ListIndex(context.plan.lists.size());
    context.plan.lists.push_back(std::move(list));
  }
}

void check_tables(CheckContext& context, const std::vector<const tree::Table*>& tables) {
  for (const tree::Table* tree : tables) {
    report_unavailable(context, tree->keyword_span, "table");
    if (ValueSymbol* symbol = own_symbol(context, *tree)) symbol->broken = true;
  }
}
}  // namespace tocsin::rules
