#include "rules/variation/variants.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tocsin::rules {
namespace {
// A beginning of names that no file has anywhere.
std::string unused_prefix(const SourceMap& sources) {
  std::string prefix = "vary_";
  const auto is_used = [&] {
    for (std::uint32_t file = 0; file < sources.size(); ++file) {
      if (sources.text(file).find(prefix) != std::string_view::npos) return true;
    }
    return false;
  };
  while (is_used()) prefix += "v_";
  return prefix;
}

// The rule's declaration after these edits.
std::string edited(const SourceMap& sources, const VariableRule& rule, std::vector<Edit> edits) {
  std::ranges::sort(edits, {}, [](const Edit& edit) { return edit.span.begin; });
  const std::string_view file = sources.text(rule.span.file);
  std::string text;
  std::uint32_t at = rule.span.begin;
  for (const Edit& edit : edits) {
    text += file.substr(at, edit.span.begin - at);
    text += edit.text;
    at = edit.span.end;
  }
  text += file.substr(at, rule.span.end - at);
  return text;
}
}  // namespace

Variants make_variants(const SourceMap& sources, const std::vector<VariableRule>& rules,
                       std::size_t variants_max) {
  Variants made;
  const std::string prefix = unused_prefix(sources);
  for (const VariableRule& rule : rules) {
    if (rule.reads_any_alert) {
      if (!rule.literals.empty()) made.not_varied.push_back(rule.name);
      continue;
    }
    for (const VariableLiteral& literal : rule.literals) {
      for (const std::string& neighbour : literal.neighbours) {
        if (made.all.size() == variants_max) {
          ++made.left_out;
          continue;
        }
        Variant& variant = made.all.emplace_back();
        variant.rule = rule.name;
        variant.name = fmt::format("{}{}", prefix, made.all.size());
        variant.literal = literal.span;
        variant.written = literal.written;
        variant.value = literal.value;
        variant.neighbour = neighbour;
        std::vector<Edit> edits = {{rule.name_span, variant.name}, {literal.span, neighbour}};
        if (rule.id_span) edits.push_back({*rule.id_span, variant.name});
        variant.text = edited(sources, rule, std::move(edits));
      }
    }
  }
  return made;
}

const VariedFile::Place* VariedFile::find(std::uint32_t at) const {
  const auto after = std::ranges::upper_bound(places, at, {}, &Place::begin);
  return after == places.begin() ? nullptr : &*std::prev(after);
}

VariedFile add_variants(const SourceMap& sources, std::uint32_t file,
                        const std::vector<Variant>& variants) {
  VariedFile varied;
  varied.text = sources.text(file);
  for (std::size_t i = 0; i < variants.size(); ++i) {
    if (variants[i].literal.file != file) continue;
    varied.text += "\n\n";
    varied.places.push_back({static_cast<std::uint32_t>(varied.text.size()), i});
    varied.text += variants[i].text;
  }
  varied.text += '\n';
  return varied;
}
}  // namespace tocsin::rules
