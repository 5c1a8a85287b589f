/// How Hyperscan reads the regular expressions of rules.
#pragma once

namespace tocsin::cep {
/// Its flags for every one of them, HS_FLAG_UTF8 and what `ignore_case` adds.
unsigned regex_flags(bool ignore_case);
}  // namespace tocsin::cep
