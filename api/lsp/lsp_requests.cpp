// Requests about names and texts.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/lsp/lsp_json.h"
#include "api/lsp/lsp_server.h"
#include "library/language/code_actions.h"
#include "library/language/completion.h"
#include "library/language/hover.h"
#include "library/language/inlay_hints.h"
#include "library/language/navigation.h"
#include "library/language/outline.h"
#include "library/language/signature.h"
#include "library/language/token_classes.h"
#include "rules/format/format.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
using nlohmann::json;

namespace {

int completion_kind(library::CompletionKind kind) {
  // The protocol's numbers.
  switch (kind) {
    case library::CompletionKind::kKeyword:
      return 14;
    case library::CompletionKind::kSnippet:
      return 15;
    case library::CompletionKind::kEvent:
      return 22;  // struct
    case library::CompletionKind::kField:
      return 5;
    case library::CompletionKind::kStep:
      return 6;  // variable
    case library::CompletionKind::kFeature:
      return 10;  // property
    case library::CompletionKind::kConstant:
      return 21;
    case library::CompletionKind::kFunction:
      return 3;
    case library::CompletionKind::kRule:
      return 7;  // class
    case library::CompletionKind::kEnumWord:
      return 20;
    case library::CompletionKind::kKey:
      return 18;  // reference
  }
  return 1;
}

json locations(const std::vector<rules::SourceSpan>& spans, LspPlaces& places) {
  json made = json::array();
  for (const rules::SourceSpan& span : spans) made.push_back(places.location(span));
  return made;
}

// What replaces one list of numbers by the other: the stretch in the middle that differs.
json token_edits(const json& from, const json& to) {
  std::size_t begin = 0;
  while (begin < from.size() && begin < to.size() && from[begin] == to[begin]) ++begin;
  std::size_t same_end = 0;
  while (same_end < from.size() - begin && same_end < to.size() - begin &&
         from[from.size() - 1 - same_end] == to[to.size() - 1 - same_end]) {
    ++same_end;
  }
  if (begin == from.size() && begin == to.size()) return json::array();
  json data = json::array();
  for (std::size_t i = begin; i < to.size() - same_end; ++i) data.push_back(to[i]);
  return {{{"start", begin},
           {"deleteCount", from.size() - same_end - begin},
           {"data", std::move(data)}}};
}

// "3 of 4 tests pass".
std::string outcomes_text(const RuleOutcomes& ran) {
  return fmt::format("{} of {} {}", ran.passed, rules::format_count(ran.all, "test"),
                     ran.all == 1 ? "passes" : "pass");
}
}  // namespace

json LspServer::hover(const json& parameters) {
  const At place = at(parameters);
  const std::optional<library::Hover> hover = library::hover_at(place.pack, place.file, place.byte);
  if (!hover) return nullptr;
  LspPlaces places(place.pack, documents_, unit_);
  return {{"contents", {{"kind", "markdown"}, {"value", hover->markdown}}},
          {"range", places.range(hover->span)}};
}

json LspServer::definition(const json& parameters) {
  const At place = at(parameters);
  LspPlaces places(place.pack, documents_, unit_);
  return locations(library::definitions_at(place.pack, place.file, place.byte), places);
}

json LspServer::references(const json& parameters) {
  const At place = at(parameters);
  LspPlaces places(place.pack, documents_, unit_);
  const bool with_declarations =
      parameters.value("/context/includeDeclaration"_json_pointer, false);
  return locations(library::references_at(place.pack, place.file, place.byte, with_declarations),
                   places);
}

json LspServer::highlights(const json& parameters) {
  const At place = at(parameters);
  LspPlaces places(place.pack, documents_, unit_);
  json made = json::array();
  for (const rules::SourceSpan& span :
       library::references_at(place.pack, place.file, place.byte, true)) {
    if (span.file == place.file) made.push_back({{"range", places.range(span)}, {"kind", 1}});
  }
  return made;
}

json LspServer::prepare_rename(const json& parameters) {
  const At place = at(parameters);
  const Result<rules::SourceSpan> span = library::renamable_at(place.pack, place.file, place.byte);
  if (!span) throw Refused{kRequestFailed, span.error().message};
  LspPlaces places(place.pack, documents_, unit_);
  return {{"range", places.range(*span)},
          {"placeholder", library::without_quotes(place.pack.text(*span))}};
}

json LspServer::rename(const json& parameters) {
  const At place = at(parameters);
  const Result<std::vector<rules::Edit>> edits = library::rename_at(
      place.pack, place.file, place.byte, parameters.at("newName"), workspace_.reader());
  if (!edits) throw Refused{kRequestFailed, edits.error().message};
  LspPlaces places(place.pack, documents_, unit_);
  return places.workspace_edit(*edits);
}

json LspServer::completion(const json& parameters) {
  const At place = at(parameters);
  library::Completions found = library::completions_at(place.pack, place.file, place.byte);
  LspPlaces places(place.pack, documents_, unit_);
  const json range = places.range(found.replaced);
  json items = json::array();
  for (std::size_t i = 0; i < found.items.size(); ++i) {
    const library::Completion& item = found.items[i];
    json made = {{"label", item.label},
                 {"kind", completion_kind(item.kind)},
                 {"sortText", fmt::format("{:05}", i)},
                 {"insertTextFormat", item.insert.find("${") != std::string::npos ? 2 : 1},
                 {"textEdit", {{"range", range}, {"newText", item.insert}}}};
    if (!item.detail.empty()) made["detail"] = item.detail;
    if (!item.doc.empty()) made["documentation"] = {{"kind", "markdown"}, {"value", item.doc}};
    items.push_back(std::move(made));
  }
  return {{"isIncomplete", false}, {"items", std::move(items)}};
}

// Asked at each key while somebody writes a call: the text alone says it, nothing is checked.
json LspServer::signature(const json& parameters) {
  const std::string uri = parameters.at("textDocument").at("uri");
  const Result<std::string> text = workspace_.reader()(path_of_uri(uri));
  if (!text) throw Refused{kInvalidParams, text.error().message};
  const json& position = parameters.at("position");
  const std::uint32_t byte = library::TextLines(*text).byte(
      {position.value("line", 0U), position.value("character", 0U)}, unit_);
  const std::optional<library::CallSignatures> found = library::signatures_at(*text, byte);
  if (!found) return nullptr;
  json forms = json::array();
  for (const library::Signature& form : found->forms) {
    const library::TextLines label(form.label);
    const auto offset = [&](std::size_t at) {  // in UTF-16, whatever places are counted in
      return label.place(static_cast<std::uint32_t>(at), library::CharacterUnit::kUtf16).character;
    };
    json listed = json::array();
    for (const library::SignatureParameter& each : form.parameters) {
      json name = each.text;
      if (takes_offsets_) name = {offset(each.begin), offset(each.begin + each.text.size())};
      listed.push_back({{"label", std::move(name)}});
    }
    forms.push_back({{"label", form.label},
                     {"documentation", form.doc},
                     {"parameters", std::move(listed)},
                     {"activeParameter", form.active}});
  }
  return {{"signatures", std::move(forms)},
          {"activeSignature", found->likely},
          {"activeParameter", found->chosen().active}};
}

json LspServer::document_symbols(const json& parameters) {
  const At place = at(parameters);
  LspPlaces places(place.pack, documents_, unit_);
  json made = json::array();
  for (const library::OutlineEntry& entry : library::outline_of(place.pack, place.file)) {
    made.push_back(symbol_json(place.pack, entry, places));
  }
  return made;
}

json LspServer::workspace_symbols(const json& parameters) {
  const std::string query = parameters.value("query", "");
  std::set<std::string> sets;
  for (const auto& [path, document] : documents_.all()) sets.insert(workspace_.set_of(path));
  json made = json::array();
  for (const std::string& set : sets) {
    const library::CheckedPack& pack = workspace_.pack(set);
    LspPlaces places(pack, documents_, unit_);
    for (const rules::Symbol& symbol : pack.symbols()) {
      if (symbol.name.find(query) == std::string::npos) continue;
      json entry = {{"name", symbol.name},
                    {"kind", symbol_kind(symbol.kind)},
                    {"location", places.location(symbol.name_span)}};
      if (symbol.of) entry["containerName"] = pack.symbols()[*symbol.of].name;
      made.push_back(std::move(entry));
    }
  }
  return made;
}

json LspServer::folding(const json& parameters) {
  const At place = at(parameters);
  json made = json::array();
  for (const library::Fold& fold : library::folds_of(place.pack.sources().text(place.file))) {
    json entry = {{"startLine", fold.first}, {"endLine", fold.last}};
    if (fold.is_comment) entry["kind"] = "comment";
    made.push_back(std::move(entry));
  }
  return made;
}

json LspServer::selections(const json& parameters) {
  json made = json::array();
  for (const json& position : parameters.at("positions")) {
    const At place = at({{"textDocument", parameters.at("textDocument")}, {"position", position}});
    LspPlaces places(place.pack, documents_, unit_);
    json selection;
    const std::vector<rules::SourceSpan> spans =
        library::selections_at(place.pack, place.file, place.byte);
    for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
      json around = {{"range", places.range(*span)}};
      if (!selection.is_null()) around["parent"] = std::move(selection);
      selection = std::move(around);
    }
    made.push_back(std::move(selection));
  }
  return made;
}

json LspServer::format(const json& parameters) {
  const At place = at(parameters);
  const std::string text(place.pack.sources().text(place.file));
  rules::SourceMap sources;
  const std::uint32_t file = sources.add(place.pack.sources().path(place.file), text);
  rules::DiagnosticSink sink;
  const std::optional<std::string> formatted = rules::format(sources, file, sink);
  // A file with mistakes is left as it is; the mistakes are shown as diagnostics.
  return formatted ? line_edits(text, *formatted, unit_) : json::array();
}

json LspServer::code_actions(const json& parameters) {
  const At place = at(parameters);
  LspPlaces places(place.pack, documents_, unit_);
  const library::TextLines& lines = places.lines(place.file);
  const json& range = parameters.at("range");
  const auto byte = [&](const char* end) {
    const json& position = range.at(end);
    return lines.byte({position.value("line", 0U), position.value("character", 0U)}, unit_);
  };
  const json only = parameters.value("/context/only"_json_pointer, json());
  const auto wanted = [&](const std::string& kind) {
    if (!only.is_array()) return true;
    return std::ranges::any_of(only, [&](const json& each) {
      return each.is_string() && kind.starts_with(each.get<std::string>());
    });
  };
  json made = json::array();
  for (const library::CodeAction& action :
       library::code_actions(place.pack, place.file, byte("start"), byte("end"))) {
    const bool is_fix = action.kind == library::ActionKind::kFix;
    const std::string kind = is_fix ? "quickfix" : "refactor.rewrite";
    if (!wanted(kind)) continue;
    json entry = {
        {"title", action.title}, {"kind", kind}, {"edit", places.workspace_edit(action.edits)}};
    if (action.preferred) entry["isPreferred"] = true;
    if (action.diagnostic) {
      const rules::Diagnostic& diagnostic = place.pack.loaded().diagnostics[*action.diagnostic];
      entry["diagnostics"] = {diagnostic_json(place.pack, diagnostic, places)};
    }
    made.push_back(std::move(entry));
  }
  const std::vector<rules::Edit> fixes = library::all_fixes(place.pack, place.file);
  if (!fixes.empty() && wanted("source.fixAll") && only.is_array()) {
    made.push_back({{"title", "Correct all mistakes that have a sure correction"},
                    {"kind", "source.fixAll"},
                    {"edit", places.workspace_edit(fixes)}});
  }
  return made;
}

json LspServer::code_lenses(const json& parameters) {
  const At place = at(parameters);
  LspPlaces places(place.pack, documents_, unit_);
  const json& uri = parameters.at("textDocument").at("uri");
  const std::string path = path_of_uri(uri);
  json made = json::array();
  const auto add = [&](const rules::Symbol& symbol, std::string title, const char* command,
                       json argument) {
    made.push_back({{"range", places.range(symbol.name_span)},
                    {"command",
                     {{"title", std::move(title)},
                      {"command", command},
                      {"arguments", {std::move(argument)}}}}});
  };
  for (const library::Lens& lens : library::lenses(place.pack, place.file)) {
    const rules::Symbol& symbol = place.pack.symbols()[lens.symbol];
    if (symbol.kind == rules::SymbolKind::kTest) {
      add(symbol, "run test", "tocsin.runTests", {{"uri", uri}, {"title", symbol.name}});
      continue;
    }
    if (lens.tests > 0) {
      add(symbol, lens.tests == 1 ? "run test" : fmt::format("run all {} tests", lens.tests),
          "tocsin.runTests", {{"uri", uri}, {"rule", symbol.name}});
    }
    if (const std::optional<RuleOutcomes> ran =
            outcomes_.of(path, place.pack.sources(), symbol.name, lens.tests)) {
      add(symbol, outcomes_text(*ran), "tocsin.runTests", {{"uri", uri}, {"rule", symbol.name}});
    }
    add(symbol, "explain", "tocsin.explain", {{"uri", uri}, {"rule", symbol.name}});
    if (runs_backtests_ && path.starts_with('/')) {
      add(symbol, "backtest", kBacktestCommand,
          {{"uri", uri}, {"rule", symbol.name}, {"rules", workspace_.set_of(path)}});
    }
  }
  return made;
}

json LspServer::inlay_hints(const json& parameters) {
  const At place = at(parameters);
  LspPlaces places(place.pack, documents_, unit_);
  const library::TextLines& lines = places.lines(place.file);
  const json& range = parameters.at("range");
  const std::uint32_t first = range.at("start").value("line", 0U);
  const std::uint32_t last = range.at("end").value("line", 0U);
  json made = json::array();
  for (const library::InlayHint& hint : library::inlay_hints(place.pack, place.file)) {
    const std::uint32_t line = lines.line_of(hint.byte);
    if (line < first || line > last) continue;
    const json at = places.range({place.file, hint.byte, hint.byte})["start"];
    made.push_back({{"position", at}, {"label", hint.text}, {"paddingLeft", true}});
  }
  return made;
}

json LspServer::pull_diagnostics(const json& parameters) {
  const At place = at(parameters);
  LspPlaces places(place.pack, documents_, unit_);
  json items = json::array();
  for (const rules::Diagnostic& diagnostic : place.pack.loaded().diagnostics) {
    if (diagnostic.primary.span.file != place.file) continue;
    items.push_back(diagnostic_json(place.pack, diagnostic, places));
  }
  return {{"kind", "full"}, {"items", std::move(items)}};
}

json LspServer::token_data(const json& parameters) {
  const At place = at(parameters);
  LspPlaces places(place.pack, documents_, unit_);
  const library::TextLines& lines = places.lines(place.file);
  json data = json::array();
  library::LinePlace before;
  const auto add = [&](std::uint32_t begin, std::uint32_t end, const library::ClassedToken& token) {
    const library::LinePlace start = lines.place(begin, unit_);
    const std::uint32_t length = lines.place(end, unit_).character - start.character;
    if (length == 0) return;
    const bool same_line = start.line == before.line;
    data.push_back(start.line - before.line);
    data.push_back(same_line ? start.character - before.character : start.character);
    data.push_back(length);
    data.push_back(static_cast<int>(token.is));
    data.push_back(token.declares ? 1 : 0);
    before = start;
  };
  for (const library::ClassedToken& token : library::classed_tokens(place.pack, place.file)) {
    // The protocol's tokens end with their line.
    std::uint32_t begin = token.begin;
    for (std::uint32_t line = lines.line_of(begin); begin < token.end; ++line) {
      const std::uint32_t line_end =
          lines.start(line) + static_cast<std::uint32_t>(lines.line(line).size());
      if (begin < line_end) add(begin, std::min(token.end, line_end), token);
      if (line + 1 == lines.count()) break;
      begin = lines.start(line + 1);
    }
  }
  return data;
}

json LspServer::tokens(const json& parameters) {
  const std::string uri = parameters.at("textDocument").at("uri");
  json data = token_data(parameters);
  sent_tokens_[uri] = data;
  tokens_id_[uri] = std::to_string(++token_answers_);
  return {{"resultId", tokens_id_[uri]}, {"data", std::move(data)}};
}

json LspServer::tokens_delta(const json& parameters) {
  const std::string uri = parameters.at("textDocument").at("uri");
  if (tokens_id_[uri] != parameters.value("previousResultId", "")) return tokens(parameters);
  const json from = std::exchange(sent_tokens_[uri], token_data(parameters));
  tokens_id_[uri] = std::to_string(++token_answers_);
  return {{"resultId", tokens_id_[uri]}, {"edits", token_edits(from, sent_tokens_[uri])}};
}
}  // namespace tocsin::api
