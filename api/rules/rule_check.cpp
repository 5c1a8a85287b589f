#include "api/rules/rule_check.h"

#include <memory>
#include <string>
#include <vector>

#include "api/rules/text_cache.h"
#include "cep/compile/check_program.h"
#include "runtime/io/rule_files.h"

namespace tocsin::api {
LoadedRules check_rules(const std::vector<std::string>& files, const rules::LoadOptions& options) {
  LoadedRules result;
  result.loaded = rules::load(files, runtime::read_rule_file, options);
  if (!result.loaded.rules) return result;
  const std::unique_ptr<TextCacheFolder> cache = open_text_cache();
  const Result<void> checked = cep::check_program(result.loaded.rules->plan, {}, cache.get());
  if (!checked) result.compile_error = checked.error().message;
  return result;
}
}  // namespace tocsin::api
