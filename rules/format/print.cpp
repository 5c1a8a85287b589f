#include "rules/format/print.h"

#include <variant>

#include "rules/format/printer.h"

namespace tocsin::rules {
void Printer::file(const tree::File& file) {
  for (const tree::Item& item : file.items) {
    layout_.declaration(static_cast<std::uint32_t>(item.index() + 1));
    std::visit([this](const auto& each) { declaration(each); }, item);
  }
  layout_.declaration(0);
  if (source_ != nullptr) take("");  // the comments behind the last declaration
  layout_.text("");
}

std::string print(const tree::File& file) {
  Layout layout(kLineWidth);
  Printer(layout, nullptr).file(file);
  return layout.finish();
}

std::string print(const tree::Expr& expr) {
  constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);
  Layout layout(kNoLimit);
  Printer(layout, nullptr).expr(expr);
  std::string text = layout.finish();
  if (!text.empty()) text.pop_back();  // the line end
  return text;
}
}  // namespace tocsin::rules
