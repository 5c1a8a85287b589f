#include "rules/context/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "rules/text/suggest.h"

namespace tocsin::rules {

std::string written_at(const SourceMap& sources, SourceSpan span) {
  constexpr std::size_t kLongest = 80;
  const std::string_view text = sources.text(span.file);
  if (span.end <= span.begin || span.end - span.begin > kLongest || span.end > text.size())
    return {};
  std::string written(text.substr(span.begin, span.end - span.begin));
  return written.find_first_of("\r\n`#") == std::string::npos ? written : std::string();
}

std::string one_of(const std::vector<std::string>& texts) {
  constexpr std::size_t kShownMax = 10;
  std::string out;
  const std::size_t shown = std::min(texts.size(), kShownMax);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) out += i + 1 == texts.size() ? " or " : ", ";
    out += in_code(texts[i]);
  }
  return texts.size() > kShownMax ? out + ", …" : out;
}

std::string place_text(const SourceMap& sources, SourceSpan span) {
  return fmt::format("{}:{}", sources.path(span.file), sources.place(span.file, span.begin).line);
}

std::vector<std::string> value_names(const CheckContext& context,
                                     std::initializer_list<ValueForm> forms) {
  std::vector<std::string> names;
  if (context.suggestions_left == 0) return names;
  for (const auto& [name, symbol] : context.names.values) {
    if (std::ranges::find(forms, symbol.form) != forms.end()) names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

bool suggest(CheckContext& context, Diagnostic& diagnostic, std::string_view written,
             const std::vector<std::string>& candidates) {
  // Bounded over the whole run, so that a file full of unknown names is still read in linear time.
  if (context.suggestions_left < candidates.size()) {
    context.suggestions_left = 0;
    return false;
  }
  context.suggestions_left -= candidates.size();
  const std::optional<std::string> near = nearest(written, candidates);
  if (!near) return false;
  diagnostic.primary.text = fmt::format("did you mean `{}`?", *near);
  diagnostic.edit = Edit{diagnostic.primary.span, *near};
  return true;
}

void report_duplicate(CheckContext& context, const tree::Name& second, const tree::Name& first,
                      std::string_view what) {
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0205, second.span,
                      fmt::format("the {} {} {} declared twice", what, in_code(second.text),
                                  what.starts_with("defaults") ? "are" : "is"));
  diagnostic.labels.push_back({first.span, "first declared here"});
  context.sink.report(std::move(diagnostic));
}

bool require_positive(CheckContext& context, const tree::DurationLiteral& duration,
                      std::string_view what) {
  if (duration.value > cep::Duration{0}) return true;
  context.sink.report(make_diagnostic(Code::kE0410, duration.span,
                                      fmt::format("{} of no length", in_code(what)),
                                      "must be longer than 0"));
  return false;
}

std::vector<std::string> field_names(const CheckContext& context,
                                     const std::vector<cep::EventTypeIndex>& types) {
  std::vector<std::string> names;
  std::unordered_set<std::string_view> seen;
  for (const cep::EventTypeIndex type : types) {
    for (const cep::Field& field : context.event_type(type).fields) {
      if (seen.insert(field.name).second) names.push_back(field.name);
    }
  }
  return names;
}
}  // namespace tocsin::rules
