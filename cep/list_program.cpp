#include <algorithm>

#include "cep/program.h"

namespace tocsin::cep {
ListProgram::ListProgram(const List& list) : list_(&list) {
  const TypeKind kind = list.element.kind;
  if (kind == TypeKind::kString) {
    by_text_ = true;
    for (const OwnedValue& value : list.values) texts_.emplace_back(value.view().text);
    std::sort(texts_.begin(), texts_.end());
  } else if (kind != TypeKind::kFloat && kind != TypeKind::kEnum) {
    by_number_ = true;
    for (const OwnedValue& value : list.values) numbers_.push_back(value.view());
    std::sort(numbers_.begin(), numbers_.end(),
              [](const Value& a, const Value& b) { return compare(a, b) == Ordering::kLess; });
  }
}

bool ListProgram::contains(const Value& value) const {
  if (by_text_) return std::binary_search(texts_.begin(), texts_.end(), value.text);
  if (by_number_ && value.kind != ValueKind::kFloat) {
    return std::binary_search(
        numbers_.begin(), numbers_.end(), value,
        [](const Value& a, const Value& b) { return compare(a, b) == Ordering::kLess; });
  }
  return std::any_of(list_->values.begin(), list_->values.end(), [&](const OwnedValue& other) {
    return compare(value, other.view()) == Ordering::kEqual;
  });
}
}  // namespace tocsin::cep
