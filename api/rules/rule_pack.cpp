#include "api/rules/rule_pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "api/rules/rule_texts.h"
#include "cep/value/identity.h"
#include "rules/parse/parser.h"
#include "rules/text/suggest.h"
#include "runtime/io/rule_files.h"

namespace tocsin::api {
namespace fs = std::filesystem;
namespace {
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};
// Where a rule and its tests stand in a text.
struct RulePlace {
  std::string id;
  std::string name;
  std::optional<cep::Status> status;
  Span status_clause;  // empty: none
  Span rule;
  std::vector<Span> tests;
};
struct ParsedText {
  std::vector<RulePlace> rules;
  std::vector<Span> others;  // neither rules nor tests
  std::vector<Span> shared;  // of those the ones that decide alerts
  bool has_others = false;   // declarations that are neither rules nor tests of these
  bool is_broken = false;
  std::string first_problem;
};

// Not what names other files, is of warnings, or of tests.
bool decides_alerts(const rules::tree::Item& item) {
  return !std::holds_alternative<rules::tree::Use>(item) &&
         !std::holds_alternative<rules::tree::Allow>(item) &&
         !std::holds_alternative<rules::tree::Defaults>(item);
}

Span span_of(const rules::SourceSpan& span) { return {span.begin, span.end}; }

ParsedText parse_text(const std::string& path, std::string_view text) {
  rules::SourceMap sources;
  rules::DiagnosticSink sink;
  const std::uint32_t file = sources.add(path, std::string(text));
  const rules::tree::File tree = rules::parse(sources, file, sink);
  ParsedText parsed;
  for (const rules::tree::Item& item : tree.items) {
    if (const auto* rule = std::get_if<rules::tree::Rule>(&item)) {
      RulePlace& place = parsed.rules.emplace_back();
      place.name = rule->name.text;
      place.id = rule->id ? rule->id->word.text : rule->name.text;
      if (rule->status) {
        place.status = static_cast<cep::Status>(rule->status->status);
        place.status_clause = span_of(rule->status->span);
      }
      place.rule = span_of(rule->span);
    }
  }
  for (const rules::tree::Item& item : tree.items) {
    if (std::holds_alternative<rules::tree::Rule>(item)) continue;
    const auto* test = std::get_if<rules::tree::Test>(&item);
    if (test == nullptr) {
      parsed.others.push_back(std::visit([](const auto& one) { return span_of(one.span); }, item));
      if (decides_alerts(item)) parsed.shared.push_back(parsed.others.back());
    }
    const auto rule = test == nullptr
                          ? parsed.rules.end()
                          : std::ranges::find(parsed.rules, test->rule.text, &RulePlace::name);
    if (rule == parsed.rules.end()) {
      parsed.has_others = true;
    } else {
      rule->tests.push_back(span_of(test->span));
    }
  }
  const std::vector<rules::Diagnostic> problems = sink.take();
  parsed.is_broken = tree.broken || !problems.empty();
  if (!problems.empty()) {
    const rules::SourceSpan& span = problems.front().primary.span;
    parsed.first_problem = fmt::format("line {}: {}", sources.place(span.file, span.begin).line,
                                       problems.front().message);
  }
  return parsed;
}

std::string_view part(std::string_view text, Span span) {
  return text.substr(span.begin, span.end - span.begin);
}

// A declaration without its `status`.
std::string body_of(std::string_view text, const RulePlace& place) {
  const Span& status = place.status_clause;
  if (status.end == status.begin) return std::string(part(text, place.rule));
  std::string before(part(text, {place.rule.begin, status.begin}));
  std::string_view after = part(text, {status.end, place.rule.end});
  after.remove_prefix(std::min(after.find_first_not_of(" \t\n"), after.size()));
  return before.append(after);
}

// Without these stretches, each with the blank lines and the comment lines right before it that
// belong to nothing else: up to the line end.
std::string without(std::string text, std::vector<Span> spans) {
  std::ranges::sort(spans, std::greater<>(), &Span::begin);
  for (Span span : spans) {
    while (span.end < text.size() && (text[span.end] == ' ' || text[span.end] == '\t')) ++span.end;
    while (span.end < text.size() && text[span.end] == '\n') ++span.end;
    text.erase(span.begin, span.end - span.begin);
  }
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

constexpr std::string_view kRules = kRuleFileRole;
constexpr std::string_view kFile = kDataFileRole;

std::string role_of(const std::string& path) {
  return std::string(path.ends_with(".tocsin") ? kRules : kFile) + path;
}
std::string_view path_of(std::string_view role) {
  for (const std::string_view kind : {kRules, kFile}) {
    if (role.starts_with(kind)) return role.substr(kind.size());
  }
  return {};
}
}  // namespace

RulePack::RulePack(std::vector<runtime::NamedContents> texts) : texts_(std::move(texts)) {
  std::ranges::sort(texts_, {}, &runtime::NamedContents::role);
}

// What all paths have in common is where they happened to lie.
RulePack RulePack::kept(std::vector<runtime::NamedContents> texts) {
  std::optional<std::string> common;
  for (const runtime::NamedContents& text : texts) {
    const std::string_view path = path_of(text.role);
    if (path.empty()) continue;
    const std::string here(path.substr(0, path.rfind('/') + 1));
    if (!common) common = here;
    while (!here.starts_with(*common)) {
      common->pop_back();
      common->resize(common->rfind('/') + 1);
    }
  }
  for (runtime::NamedContents& text : texts) {
    const std::string_view path = path_of(text.role);
    if (!path.empty()) text.role = role_of(std::string(path.substr(common->size())));
  }
  return RulePack(std::move(texts));
}

Result<RulePack> RulePack::read(const std::vector<std::string>& paths) {
  const Result<std::vector<std::string>> files = runtime::find_rule_files(paths);
  if (!files) return tl::unexpected(files.error());
  std::vector<runtime::NamedContents> texts;
  load_rules_keeping(*files, texts);
  for (const std::string& file : *files) {
    const std::string role = std::string(kRules) + file;
    if (std::ranges::find(texts, role, &runtime::NamedContents::role) != texts.end()) continue;
    const Result<std::string> why = runtime::read_rule_file(file);
    if (!why) return fail(why.error().code, fmt::format("{}: {}", file, why.error().message));
  }
  return kept(std::move(texts));
}

std::string RulePack::etag() const {
  std::string all;
  for (const runtime::NamedContents& text : texts_) {
    all +=
        fmt::format("{}:{}{}:{}", text.role.size(), text.role, text.contents.size(), text.contents);
  }
  return cep::hex(cep::sha256(all)).substr(0, 32);
}

std::string RulePack::live_etag() const {
  std::string all;
  const auto add = [&](std::string_view what, std::string_view text) {
    all += fmt::format("{}{}:{}", what, text.size(), text);
  };
  const std::map<std::string, Rollout> held_back = rollouts();
  for (const runtime::NamedContents& text : texts_) {
    if (text.role == kStagesRole || text.role.starts_with(kZoneRole)) continue;
    const std::string_view whole = text.contents;
    const bool has_rules = text.role.starts_with(kRules);
    const ParsedText parsed = has_rules ? parse_text(text.role, whole) : ParsedText();
    if (!has_rules || parsed.is_broken) {
      add(text.role, whole);
      continue;
    }
    for (const Span& other : parsed.others) add(text.role, part(whole, other));
    for (const RulePlace& place : parsed.rules) {
      const Rollout rollout = rollout_of(held_back, place.id);
      if (rollout.stage != RuleStage::kLive) continue;
      if (place.status.value_or(cep::Status::kLive) != cep::Status::kLive) continue;
      add(text.role, body_of(whole, place));
      add("stage", text_of(rollout));
    }
  }
  return cep::hex(cep::sha256(all)).substr(0, 32);
}

PackDigests RulePack::digests() const {
  const auto digest_of = [](const std::string& text) {
    return cep::hex(cep::sha256(text)).substr(0, 32);
  };
  PackDigests digests;
  std::vector<std::string> shared;
  const auto add = [&](std::string_view where, std::string_view what) {
    shared.push_back(fmt::format("{}:{}{}:{}", where.size(), where, what.size(), what));
  };
  for (const runtime::NamedContents& text : texts_) {
    if (text.role == kStagesRole || text.role.starts_with(kZoneRole)) continue;
    const std::string_view whole = text.contents;
    const bool has_rules = text.role.starts_with(kRules);
    const ParsedText parsed = has_rules ? parse_text(text.role, whole) : ParsedText();
    if (!has_rules || parsed.is_broken) {
      add(text.role, whole);
    } else {
      // Files that a declaration names are found from its folder.
      const std::string folder = text.role.substr(0, text.role.rfind('/') + 1);
      for (const Span& other : parsed.shared) add(folder, part(whole, other));
    }
    for (const RulePlace& place : parsed.rules) {
      digests.rules[place.id] = digest_of(body_of(whole, place));
    }
  }
  std::ranges::sort(shared);
  std::string all;
  for (const std::string& one : shared) all += one;
  digests.shared = digest_of(all);
  return digests;
}

LoadedRules RulePack::load() const { return load_kept_rules(texts_); }

LoadedRules RulePack::load_with_zones() {
  std::vector<runtime::NamedContents> zones;
  LoadedRules loaded = load_kept_rules(texts_, &zones);
  if (!loaded.program || zones.empty()) return loaded;
  texts_.insert(texts_.end(), zones.begin(), zones.end());
  std::ranges::sort(texts_, {}, &runtime::NamedContents::role);
  return loaded;
}

std::vector<std::string> RulePack::paths() const {
  std::vector<std::string> paths;
  for (const runtime::NamedContents& text : texts_) {
    if (const std::string_view path = path_of(text.role); !path.empty()) paths.emplace_back(path);
  }
  return paths;
}

std::optional<std::string_view> RulePack::file(std::string_view path) const {
  for (const runtime::NamedContents& text : texts_) {
    if (path_of(text.role) == path && !path.empty()) return text.contents;
  }
  return std::nullopt;
}

Result<RulePack> RulePack::with_file(const std::string& path, std::string text) const {
  const fs::path normal = fs::path(path).lexically_normal();
  const std::string name = normal.generic_string();
  if (name.empty() || name == "." || name.ends_with('/') || normal.is_absolute() ||
      name.starts_with("..") || name != path) {
    return fail(Errc::kInvalidArgument,
                fmt::format("`{}` is no path within the pack: give a relative one, like "
                            "`cards/probing.tocsin`",
                            path));
  }
  RulePack changed = *this;
  std::erase_if(changed.texts_,
                [&](const runtime::NamedContents& one) { return path_of(one.role) == name; });
  changed.texts_.push_back({role_of(name), std::move(text)});
  return RulePack(std::move(changed.texts_));
}

Result<RulePack> RulePack::without_file(std::string_view path) const {
  if (!file(path)) return fail(Errc::kNotFound, fmt::format("the pack has no file {}", path));
  RulePack changed = *this;
  std::erase_if(changed.texts_,
                [&](const runtime::NamedContents& one) { return path_of(one.role) == path; });
  return changed;
}

std::vector<RuleText> RulePack::rules() const {
  std::vector<RuleText> all;
  for (const runtime::NamedContents& text : texts_) {
    if (!text.role.starts_with(kRules)) continue;
    const std::string path(path_of(text.role));
    for (const RulePlace& place : parse_text(path, text.contents).rules) {
      RuleText& rule = all.emplace_back();
      rule.id = place.id;
      rule.name = place.name;
      rule.path = path;
      rule.status = place.status;
      rule.tests = place.tests.size();
      rule.body = body_of(text.contents, place);
      rule.text = std::string(part(text.contents, place.rule)) + "\n";
      for (const Span& test : place.tests) {
        rule.text += fmt::format("\n{}\n", part(text.contents, test));
      }
    }
  }
  return all;
}

std::optional<RuleText> RulePack::rule(std::string_view id) const {
  std::vector<RuleText> all = rules();
  const auto found = std::ranges::find(all, id, &RuleText::id);
  if (found == all.end()) return std::nullopt;
  return std::move(*found);
}

Result<RulePack> RulePack::with_rule(const std::string& id, const std::string& text) const {
  const ParsedText given = parse_text(id + ".tocsin", text);
  const auto refuse = [&](const std::string& why) {
    return fail(Errc::kInvalidArgument,
                fmt::format("the body is to be the rule `{}` and its tests: {}", id, why));
  };
  if (given.rules.empty()) {
    return refuse(given.is_broken ? given.first_problem : "it declares no rule");
  }
  if (given.rules.size() > 1) {
    return refuse(fmt::format("it declares {} rules; put whole files to change several at once",
                              given.rules.size()));
  }
  if (given.rules.front().id != id) {
    return refuse(fmt::format("it declares the rule `{}`", given.rules.front().id));
  }
  if (given.has_others) return refuse("it declares something else too");
  const std::optional<RuleText> before = rule(id);
  if (!before) return with_file(id + ".tocsin", text.ends_with('\n') ? text : text + "\n");
  std::string whole(*file(before->path));
  const ParsedText known = parse_text(before->path, whole);
  const RulePlace& place = *std::ranges::find(known.rules, id, &RulePlace::id);
  const RulePlace& fresh = given.rules.front();
  // The tests go out from behind to front, and the rule's own place keeps its offset.
  std::string body = text;
  while (body.ends_with('\n') || body.ends_with(' ')) body.pop_back();
  std::vector<Span> gone;
  if (!fresh.tests.empty()) gone = place.tests;
  std::ranges::sort(gone, std::greater<>(), &Span::begin);
  Span rule_span = place.rule;
  for (const Span& test : gone) {
    const std::size_t size_before = whole.size();
    whole = without(std::move(whole), {test});
    if (test.begin < rule_span.begin) {
      const std::size_t shrunk = size_before - whole.size();
      rule_span.begin -= shrunk;
      rule_span.end -= shrunk;
    }
  }
  whole.replace(rule_span.begin, rule_span.end - rule_span.begin, body);
  if (!whole.ends_with('\n')) whole += '\n';
  return with_file(before->path, std::move(whole));
}

Result<RulePack> RulePack::without_rule(std::string_view id) const {
  const std::optional<RuleText> before = rule(id);
  if (!before) return fail(Errc::kNotFound, fmt::format("there is no rule {}", id));
  const std::string whole(*file(before->path));
  const ParsedText known = parse_text(before->path, whole);
  const RulePlace& place = *std::ranges::find(known.rules, id, &RulePlace::id);
  std::vector<Span> gone = place.tests;
  gone.push_back(place.rule);
  std::string rest = without(whole, std::move(gone));
  const bool is_blank = rest.find_first_not_of(" \t\r\n") == std::string::npos;
  Result<RulePack> changed =
      is_blank ? without_file(before->path) : with_file(before->path, std::move(rest));
  if (changed) *changed = changed->with_rollout(std::string(id), {});
  return changed;
}

std::string RulePack::no_rule_text(std::string_view id) const {
  std::vector<std::string> ids;
  for (const RuleText& rule : rules()) ids.push_back(rule.id);
  const std::optional<std::string> meant = rules::nearest(id, ids);
  return fmt::format("there is no rule with the id {}{}", id,
                     meant ? fmt::format(": did you mean {}?", *meant) : "");
}

std::map<std::string, Rollout> RulePack::rollouts() const { return rollouts_of(texts_); }

RulePack RulePack::with_rollout(const std::string& id, const Rollout& rollout) const {
  std::map<std::string, Rollout> rollouts = this->rollouts();
  if (rollout.is_live_for_all()) {
    rollouts.erase(id);
  } else {
    rollouts[id] = rollout;
  }
  return with_rollouts(rollouts);
}

RulePack RulePack::with_rollouts(const std::map<std::string, Rollout>& rollouts) const {
  std::vector<runtime::NamedContents> texts = texts_;
  std::erase_if(texts, [](const runtime::NamedContents& one) { return one.role == kStagesRole; });
  if (!rollouts.empty()) texts.push_back({std::string(kStagesRole), rollouts_text(rollouts)});
  return RulePack(std::move(texts));
}
}  // namespace tocsin::api
