#include "cep/value/word_value.h"

#include <bit>

#include "cep/base/assert.h"

namespace tocsin::cep {
Value word_value(const Type& type, std::int64_t word) {
  switch (type.kind) {
    case TypeKind::kBool:
      return Value::boolean(word != 0);
    case TypeKind::kInt:
      return Value::integer(word);
    case TypeKind::kFloat:
      return Value::floating(std::bit_cast<double>(word));
    case TypeKind::kDecimal:
      return Value::decimal(word, type.scale);
    case TypeKind::kTime:
      return Value::time({word});
    case TypeKind::kDate:
      return Value::date(word);
    case TypeKind::kDuration:
      return Value::duration({word});
    case TypeKind::kEnum:
      return Value::enumerated(word, (*type.words)[static_cast<std::size_t>(word)]);
    case TypeKind::kString:
    case TypeKind::kFraction:
      break;
  }
  TOCSIN_ASSERT(false, "strings and fractions are kept in other ways");
}
}  // namespace tocsin::cep
