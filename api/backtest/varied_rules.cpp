#include "api/backtest/varied_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/parse/parser.h"
#include "rules/variation/variable_rules.h"

namespace tocsin::api {
namespace {
using rules::SourceMap;
using rules::VariedFile;

// Which files of the map are rule files; in their order.
std::vector<std::uint32_t> rule_files_of(const LoadedRules& loaded) {
  const std::vector<std::string>& paths = loaded.loaded.rules->rule_files;
  std::vector<std::uint32_t> files;
  for (std::uint32_t file = 0; file < loaded.loaded.sources.size(); ++file) {
    const std::string& path = loaded.loaded.sources.path(file);
    if (std::ranges::find(paths, path) != paths.end()) files.push_back(file);
  }
  return files;
}

// With its column: a line may have several.
std::string literal_place(const SourceMap& sources, rules::SourceSpan span) {
  const SourceMap::Place place = sources.place(span.file, span.begin);
  return fmt::format("{}:{}:{}", sources.path(span.file), place.line, place.column);
}

// The rules of the plan, with what can be varied.
std::vector<rules::VariableRule> variable_rules(const LoadedRules& loaded) {
  const SourceMap& sources = loaded.loaded.sources;
  rules::DiagnosticSink sink;  // they were parsed before without a mistake
  std::vector<rules::tree::File> trees;
  for (const std::uint32_t file : rule_files_of(loaded)) {
    trees.push_back(rules::parse(sources, file, sink));
  }
  std::set<std::string> names;
  for (const cep::Rule& rule : loaded.program->plan().rules) names.insert(rule.name);
  std::vector<rules::VariableRule> found = rules::find_variable_rules(sources, trees);
  std::erase_if(found, [&](const rules::VariableRule& rule) { return !names.contains(rule.name); });
  return found;
}

// The rules with their variants; takes those that are no right rules out of `variants`.
class VariantLoader {
 public:
  VariantLoader(const LoadedRules& loaded, const std::vector<std::string>& files,
                const rules::ReadFile& read_file, std::vector<rules::Variant>& variants,
                std::vector<std::string>& refused)
      : sources_(loaded.loaded.sources),
        rule_files_(rule_files_of(loaded)),
        files_(files),
        read_file_(read_file),
        variants_(variants),
        refused_(refused) {}

  Result<LoadedRules> load() {
    for (;;) {
      std::map<std::string, VariedFile> varied;
      for (const std::uint32_t file : rule_files_) {
        varied[sources_.path(file)] = rules::add_variants(sources_, file, variants_);
      }
      LoadedRules loaded =
          load_rules(files_, {}, [&](const std::string& path) -> Result<std::string> {
            const auto found = varied.find(path);
            if (found == varied.end()) return read_file_(path);
            return found->second.text;
          });
      if (!loaded.compile_error.empty()) {
        return fail(Errc::kLimit, "the variants are more than one program can be: " +
                                      loaded.compile_error + "; take a smaller --vary-max");
      }
      if (loaded.program) return loaded;
      if (!take_out(loaded, varied)) {
        return fail(Errc::kInternal,
                    "the variants have errors beside them:\n" + render_diagnostics(loaded, false));
      }
    }
  }

 private:
  // Takes out the variants that have errors; false where none has.
  bool take_out(const LoadedRules& loaded, const std::map<std::string, VariedFile>& varied) {
    std::map<std::size_t, std::string> wrong;
    for (const rules::Diagnostic& diagnostic : loaded.loaded.diagnostics) {
      if (rules::level_of(diagnostic.code) != rules::Level::kError) continue;
      const rules::SourceSpan span = diagnostic.primary.span;
      const auto file = varied.find(loaded.loaded.sources.path(span.file));
      if (file == varied.end()) continue;
      const VariedFile::Place* const place = file->second.find(span.begin);
      if (place != nullptr) wrong.emplace(place->variant, diagnostic.message);
    }
    for (auto entry = wrong.rbegin(); entry != wrong.rend(); ++entry) {
      const rules::Variant& variant = variants_[entry->first];
      refused_.push_back(fmt::format("{}: {} instead of {}: {}",
                                     literal_place(sources_, variant.literal), variant.neighbour,
                                     variant.written, entry->second));
      variants_.erase(variants_.begin() + static_cast<std::ptrdiff_t>(entry->first));
    }
    return !wrong.empty();
  }

  const SourceMap& sources_;
  const std::vector<std::uint32_t> rule_files_;
  const std::vector<std::string>& files_;
  const rules::ReadFile& read_file_;
  std::vector<rules::Variant>& variants_;
  std::vector<std::string>& refused_;
};
}  // namespace

Result<VariedRules> vary_rules(const LoadedRules& loaded, const std::vector<std::string>& files,
                               const rules::ReadFile& read_file, std::size_t variants_max) {
  const SourceMap& sources = loaded.loaded.sources;
  rules::Variants made = rules::make_variants(sources, variable_rules(loaded), variants_max);
  VariedRules varied;
  varied.figures.left_out = made.left_out;
  varied.figures.not_varied = std::move(made.not_varied);
  std::vector<rules::Variant> variants = std::move(made.all);
  if (variants.empty()) return varied;
  Result<LoadedRules> all =
      VariantLoader(loaded, files, read_file, variants, varied.figures.refused).load();
  if (!all) return tl::unexpected(all.error());
  std::ranges::sort(varied.figures.refused);
  if (variants.empty()) return varied;
  varied.program = std::move(all->program);
  std::map<std::string, std::uint32_t> rule_by_name;
  const std::vector<cep::Rule>& in_plan = varied.program->plan().rules;
  for (std::uint32_t i = 0; i < in_plan.size(); ++i) rule_by_name[in_plan[i].name] = i;
  const auto add = [&](const rules::Variant& variant, const std::string& rule,
                       const std::string& value, bool is_as_written) {
    varied.rules.push_back(rule_by_name.at(rule));
    VariantFigures& figures = varied.figures.variants.emplace_back();
    figures.rule = variant.rule;
    figures.place = literal_place(sources, variant.literal);
    figures.written = variant.written;
    figures.value = variant.value;
    figures.instead = value;
    figures.is_as_written = is_as_written;
  };
  const rules::Variant* last = nullptr;
  for (const rules::Variant& variant : variants) {
    const bool begins_bound = last == nullptr || last->literal.file != variant.literal.file ||
                              last->literal.begin != variant.literal.begin;
    if (begins_bound) add(variant, variant.rule, variant.value, true);
    add(variant, variant.name, variant.neighbour, false);
    last = &variant;
  }
  return varied;
}

VariationFigures variation_figures(const VariedRules& varied, const SetResult& result,
                                   const Labels* labels) {
  VariationFigures figures = varied.figures;
  const std::vector<std::uint64_t> keys =
      count_keys(result.tally.facts(), result.plan.rules.size());
  for (std::size_t i = 0; i < figures.variants.size(); ++i) {
    const std::uint32_t rule = varied.rules[i];
    const RuleTally& tally = result.tally.rules()[rule];
    figures.variants[i].alerts = tally.alerts;
    figures.variants[i].keys = keys[rule];
    if (result.tally.has_values()) figures.variants[i].sums = tally.value;
    if (labels == nullptr) continue;
    figures.variants[i].labels =
        tally.labels.counts(*labels, result.summary.first_event, result.summary.last_event);
  }
  return figures;
}
}  // namespace tocsin::api
