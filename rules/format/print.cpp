#include "rules/format/print.h"

#include <variant>

#include "rules/format/print_parts.h"

namespace tocsin::rules {
void print_file(TokenPrinter& p, const tree::File& file) {
  for (const tree::Item& item : file.items) {
    p.layout().declaration(static_cast<std::uint32_t>(item.index() + 1));
    std::visit([&p](const auto& each) { print_declaration(p, each); }, item);
  }
  p.layout().declaration(0);
  p.end();
}

std::string print(const tree::File& file) {
  Layout layout(kLineWidth);
  TokenPrinter printer(layout, nullptr);
  print_file(printer, file);
  return layout.finish();
}

std::string print(const tree::Expr& expr) {
  constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);
  Layout layout(kNoLimit);
  TokenPrinter printer(layout, nullptr);
  print_expr(printer, expr);
  std::string text = layout.finish();
  if (!text.empty()) text.pop_back();  // the line end
  return text;
}
}  // namespace tocsin::rules
