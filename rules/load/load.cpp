// Files and what they use: each read once, parsed, and handed on in an order in which a used file
// stands before the file that uses it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <unordered_map>
#include <utility>

#include "rules/context/data_files.h"
#include "rules/context/report.h"
#include "rules/context/rules.h"
#include "rules/load/check.h"
#include "rules/load/suppressed_warnings.h"
#include "rules/load/symbols.h"
#include "rules/parse/parser.h"

namespace tocsin::rules {
namespace {
// The same file by whatever way: "a/../b.tocsin" is "b.tocsin".
std::string normal_path(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().generic_string();
}
class Loader {
 public:
  Loader(SourceMap& sources, DiagnosticSink& sink, const ReadFile& read_file,
         const LoadOptions& options)
      : sources_(sources),
        sink_(sink),
        read_file_(read_file),
        limits_{.bytes_max = options.limits.file_bytes_max,
                .mistakes_max = options.limits.mistakes_max},
        status_max_(options.status_max) {}

  // A file that the caller named.
  void load(const std::string& path) {
    Node* node = find_or_read(normal_path(path));
    if (!node) return;
    node->file.asked = true;
    follow_uses(*node);
  }

  std::vector<const ParsedFile*> ordered;
  std::vector<std::string> paths;
  bool incomplete = false;

 private:
  enum class State { kRead, kOpen, kDone };
  struct Node {
    std::string path;
    ParsedFile file;
    State state = State::kRead;
    std::vector<const tree::Use*> uses;
    std::size_t next_use = 0;
  };

  // Absent where the file cannot be read; then said at `use`, or, without one, at the file itself.
  Node* find_or_read(const std::string& path, const tree::Use* use = nullptr) {
    const auto known = nodes_.find(path);
    if (known != nodes_.end()) return known->second.get();
    Result<std::string> text = read_file_(path);
    if (!text) {
      report_unreadable(path, text.error().message, use);
      incomplete = true;
      return nullptr;
    }
    auto node = std::make_unique<Node>();
    node->path = path;
    paths.push_back(path);
    const std::uint32_t file = sources_.add(path, std::move(*text));
    node->file.tree = parse(sources_, file, sink_, limits_);
    for (tree::Item& item : node->file.tree.items) {
      if (auto* rule = std::get_if<tree::Rule>(&item)) hold_back(*rule);
      if (const auto* next = std::get_if<tree::Use>(&item)) node->uses.push_back(next);
    }
    return nodes_.emplace(path, std::move(node)).first->second.get();
  }

  // Never above what others allow.
  void hold_back(tree::Rule& rule) const {
    static_assert(
        static_cast<int>(tree::StatusWord::kDraft) == static_cast<int>(cep::Status::kDraft) &&
        static_cast<int>(tree::StatusWord::kInternal) == static_cast<int>(cep::Status::kInternal) &&
        static_cast<int>(tree::StatusWord::kShadow) == static_cast<int>(cep::Status::kShadow) &&
        static_cast<int>(tree::StatusWord::kLive) == static_cast<int>(cep::Status::kLive));
    const auto most = status_max_.find(rule.id ? rule.id->word.text : rule.name.text);
    if (most == status_max_.end()) return;
    const auto allowed = static_cast<tree::StatusWord>(most->second.most);
    if (!rule.status) {
      rule.status.emplace();
      rule.status->span = rule.status->keyword_span = rule.name.span;
    }
    rule.status->status = std::min(rule.status->status, allowed);
  }

  void report_unreadable(const std::string& path, const std::string& why, const tree::Use* use) {
    SourceSpan span;
    if (use) {
      span = use->path.span;
    } else {
      span.file = sources_.add(path, "");
    }
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0213, span, fmt::format("cannot read {}", in_code(path)));
    diagnostic.notes.push_back(why);
    if (use) diagnostic.helps.push_back("the path is relative to the file that uses it");
    sink_.report(std::move(diagnostic));
  }

  void report_circle(const std::vector<Node*>& way, const Node& again, const tree::Use& use) {
    std::string files;
    bool inside = false;
    for (const Node* node : way) {
      inside = inside || node == &again;
      if (inside) files += node->path + " uses ";
    }
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0222, use.path.span, "files that use each other");
    diagnostic.notes.push_back(files + again.path);
    diagnostic.helps.push_back("put what both need into a third file");
    sink_.report(std::move(diagnostic));
  }

  // Depth first with a way of its own, so that a long chain of files needs no deep recursion.
  void follow_uses(Node& first) {
    if (first.state == State::kDone) return;
    first.state = State::kOpen;
    std::vector<Node*> way = {&first};
    while (!way.empty()) {
      Node& node = *way.back();
      if (node.next_use == node.uses.size()) {
        node.state = State::kDone;
        ordered.push_back(&node.file);
        way.pop_back();
        continue;
      }
      const tree::Use& use = *node.uses[node.next_use++];
      if (use.path.text.empty()) {
        if (use.broken) incomplete = true;
        if (!use.broken) report_unreadable("", "the path is empty", &use);
        continue;
      }
      Node* used = find_or_read(used_path(node.path, use.path.text), &use);
      if (!used || used->state == State::kDone) continue;
      if (used->state == State::kOpen) {
        report_circle(way, *used, use);
        continue;
      }
      used->state = State::kOpen;
      way.push_back(used);
    }
  }

  SourceMap& sources_;
  DiagnosticSink& sink_;
  const ReadFile& read_file_;
  const ParseLimits limits_;
  const std::map<std::string, StatusLimit>& status_max_;
  std::unordered_map<std::string, std::unique_ptr<Node>> nodes_;
};

// The first ones of each file, in their order; then one that says so. The parser stops at as many.
std::vector<Diagnostic> first_of_each_file(std::vector<Diagnostic> all, std::size_t count_max) {
  std::vector<Diagnostic> kept;
  for (std::size_t i = 0; i < all.size();) {
    const std::uint32_t file = all[i].primary.span.file;
    std::size_t end = i;
    while (end < all.size() && all[end].primary.span.file == file) ++end;
    const std::size_t cut = std::min(end, i + count_max + 1);
    if (cut < end && all[cut - 1].code != Code::kE0127) {
      const SourceSpan span = all[cut - 1].primary.span;
      all[cut - 1] = make_diagnostic(Code::kE0127, span, "too many mistakes in this file");
      all[cut - 1].primary.text = "what follows is not shown";
      all[cut - 1].helps = {"correct the first ones and check again"};
    }
    for (; i < cut; ++i) kept.push_back(std::move(all[i]));
    i = end;
  }
  return kept;
}
}  // namespace

namespace {
// `symbols`: filled where it is given.
Loaded load(const std::vector<std::string>& paths, const ReadFile& read_file,
            const LoadOptions& options, Symbols* symbols) {
  Loaded loaded;
  DiagnosticSink sink;
  Loader loader(loaded.sources, sink, read_file, options);
  for (const std::string& path : paths) loader.load(path);
  DataFiles data(loaded.sources, read_file);
  loaded.rules = check(loaded.sources, loader.ordered, loader.incomplete, sink, options, data,
                       symbols != nullptr ? &symbols->occurrences : nullptr);
  if (loaded.rules) {
    loaded.rules->rule_files = loader.paths;
    loaded.rules->data_files = data.paths();
  }
  loaded.diagnostics = without_allowed(loader.ordered, sink.take(), options);
  if (!loaded.rules)
    loaded.diagnostics =
        first_of_each_file(std::move(loaded.diagnostics), options.limits.mistakes_max);
  if (symbols != nullptr) {
    normalize(symbols->occurrences);
    for (const ParsedFile* file : loader.ordered) {
      declare_symbols(loaded.sources, file->tree, symbols->declared);
    }
  }
  return loaded;
}
}  // namespace

Loaded load(const std::vector<std::string>& paths, const ReadFile& read_file,
            const LoadOptions& options) {
  return load(paths, read_file, options, nullptr);
}

LoadedSymbols load_symbols(const std::vector<std::string>& paths, const ReadFile& read_file,
                           const LoadOptions& options) {
  LoadedSymbols loaded;
  loaded.rules = load(paths, read_file, options, &loaded.symbols);
  return loaded;
}
}  // namespace tocsin::rules
