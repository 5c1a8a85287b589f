#include "api/language/language_request.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "library/language/code_actions.h"
#include "library/language/completion.h"
#include "library/language/hover.h"
#include "library/language/navigation.h"
#include "library/language/signature.h"
#include "library/language/text_lines.h"

namespace tocsin::api {
using nlohmann::ordered_json;

namespace {
// More are of no use to a person who chooses; the label that is typed leaves fewer.
constexpr std::size_t kCompletionsMax = 1000;
constexpr std::size_t kActionsMax = 50;

ordered_json place_json(const library::CheckedPack& pack, rules::SourceSpan span) {
  const auto begin = pack.sources().place(span.file, span.begin);
  const auto end = pack.sources().place(span.file, span.end);
  return {{"file", pack.sources().path(span.file)},
          {"line", begin.line},
          {"column", begin.column},
          {"end_line", end.line},
          {"end_column", end.column}};
}

ordered_json places_json(const library::CheckedPack& pack,
                         const std::vector<rules::SourceSpan>& spans) {
  ordered_json list = ordered_json::array();
  for (const rules::SourceSpan& span : spans) list.push_back(place_json(pack, span));
  return list;
}

std::string_view word_of(library::CompletionKind kind) {
  using Kind = library::CompletionKind;
  switch (kind) {
    case Kind::kKeyword:
      return "keyword";
    case Kind::kSnippet:
      return "snippet";
    case Kind::kEvent:
      return "event";
    case Kind::kField:
      return "field";
    case Kind::kStep:
      return "step";
    case Kind::kFeature:
      return "feature";
    case Kind::kConstant:
      return "constant";
    case Kind::kFunction:
      return "function";
    case Kind::kRule:
      return "rule";
    case Kind::kEnumWord:
      return "value";
    case Kind::kKey:
      return "key";
  }
  return "keyword";
}

ordered_json completion(const library::CheckedPack& pack, const LanguageQuestion& asked) {
  const library::Completions found = library::completions_at(pack, asked.file, asked.byte);
  ordered_json items = ordered_json::array();
  for (const library::Completion& item : found.items) {
    if (items.size() == kCompletionsMax) break;
    items.push_back({{"kind", word_of(item.kind)},
                     {"label", item.label},
                     {"insert", item.insert},
                     {"detail", item.detail},
                     {"doc", item.doc}});
  }
  const std::size_t left_out = found.items.size() - items.size();
  return {{"place", place_json(pack, found.replaced)},
          {"completions", std::move(items)},
          {"left_out", left_out}};
}

ordered_json edits_json(const library::CheckedPack& pack, const std::vector<rules::Edit>& edits) {
  ordered_json list = ordered_json::array();
  for (const rules::Edit& edit : edits) {
    ordered_json made = place_json(pack, edit.span);
    made["text"] = edit.text;
    list.push_back(std::move(made));
  }
  return list;
}

ordered_json rename(const library::CheckedPack& pack, const LanguageQuestion& asked,
                    const rules::ReadFile& read_file) {
  const Result<rules::SourceSpan> span = library::renamable_at(pack, asked.file, asked.byte);
  if (!span)
    return {
        {"place", nullptr}, {"edits", ordered_json::array()}, {"refused", span.error().message}};
  ordered_json answer = {{"place", place_json(pack, *span)},
                         {"name", library::without_quotes(pack.text(*span))},
                         {"edits", ordered_json::array()}};
  if (!asked.new_name) return answer;
  const Result<std::vector<rules::Edit>> edits =
      library::rename_at(pack, asked.file, asked.byte, *asked.new_name, read_file);
  if (!edits) {
    answer["refused"] = edits.error().message;
    return answer;
  }
  answer["edits"] = edits_json(pack, *edits);
  return answer;
}
// What can be done about the line of the place: an editor shows them beside it.
ordered_json actions(const library::CheckedPack& pack, const LanguageQuestion& asked) {
  const std::string_view text = pack.sources().text(asked.file);
  const std::size_t before = text.substr(0, asked.byte).rfind('\n');
  const auto begin = static_cast<std::uint32_t>(before == std::string_view::npos ? 0 : before + 1);
  ordered_json list = ordered_json::array();
  for (const library::CodeAction& action :
       library::code_actions(pack, asked.file, begin, library::end_of_line(text, asked.byte))) {
    if (list.size() == kActionsMax) break;
    list.push_back({{"title", action.title},
                    {"preferred", action.preferred},
                    {"edits", edits_json(pack, action.edits)}});
  }
  return {{"actions", std::move(list)}};
}
}  // namespace

std::uint32_t byte_at(const library::CheckedPack& pack, std::uint32_t file, std::uint32_t line,
                      std::uint32_t column) {
  const library::TextLines lines(pack.sources().text(file));
  return lines.byte({std::max(line, 1U) - 1, std::max(column, 1U) - 1},
                    library::CharacterUnit::kUtf32);
}

ordered_json answer_language(const library::CheckedPack& pack, const LanguageQuestion& asked,
                             const rules::ReadFile& read_file) {
  if (asked.request == "hover") {
    const auto hover = library::hover_at(pack, asked.file, asked.byte);
    if (!hover) return {{"place", nullptr}};
    return {{"place", place_json(pack, hover->span)}, {"markdown", hover->markdown}};
  }
  if (asked.request == "definition")
    return {{"places", places_json(pack, library::definitions_at(pack, asked.file, asked.byte))}};
  if (asked.request == "references") {
    const auto spans = library::references_at(pack, asked.file, asked.byte, true);
    return {{"places", places_json(pack, spans)}};
  }
  if (asked.request == "rename") return rename(pack, asked, read_file);
  if (asked.request == "completion") return completion(pack, asked);
  if (asked.request == "actions") return actions(pack, asked);
  const auto found = library::signatures_at(pack.sources().text(asked.file), asked.byte);
  if (!found) return {{"signature", nullptr}};
  const library::Signature& form = found->chosen();
  ordered_json parameters = ordered_json::array();
  for (const library::SignatureParameter& each : form.parameters) parameters.push_back(each.text);
  return {{"signature",
           {{"label", form.label},
            {"doc", form.doc},
            {"parameters", std::move(parameters)},
            {"active", form.active}}}};
}
}  // namespace tocsin::api
