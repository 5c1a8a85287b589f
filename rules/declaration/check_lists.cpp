// Lists: written out or from a file, of values, of phrases and of regular expressions.
#include <fmt/format.h>

#include <algorithm>

#include "cep/data/text_database.h"
#include "cep/plan/reference.h"
#include "cep/value/ip_address.h"
#include "cep/value/value_text.h"
#include "rules/context/csv.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/declaration/check_values.h"
#include "rules/declaration/data_report.h"
#include "rules/expression/check_regex.h"
#include "rules/expression/coerce_literal.h"
#include "rules/lint/literal_warnings.h"
#include "rules/syntax/lexer.h"

namespace tocsin::rules {
using cep::ListKind;
using cep::Value;
using tree::ExprKind;

namespace {
// A string as JSON writes it, which `line` is as a whole.
bool decode_line(std::string_view line, std::string& out) {
  DiagnosticSink unheard;
  MistakeCounter mistakes(unheard, 1);
  LexedText text;
  text.text = line;
  Lexer lexer(text, 0, mistakes);
  Token token = lexer.next();
  if (token.kind != TokenKind::kString || mistakes.any() || token.end != line.size()) return false;
  out = std::move(token.text);
  return true;
}

class ListReader {
 public:
  ListReader(CheckContext& context, const tree::List& tree, cep::List& list)
      : context_(context), tree_(tree), list_(list) {}

  // False where the list could not be read, which has been reported.
  bool read() {
    if (!read_element_type()) return false;
    if (tree_.from) {
      read_file();
    } else {
      read_values();
    }
    return ok_ && check_size();
  }

 private:
  bool read_element_type() {
    switch (tree_.form) {
      case tree::ListForm::kInt:
        list_.element = plain_type(cep::TypeKind::kInt);
        return true;
      case tree::ListForm::kDecimal: {
        const std::int64_t scale = tree_.scale ? tree_.scale->value : 0;
        if (scale > cep::kScaleMax) {
          Diagnostic diagnostic = make_diagnostic(
              Code::kE0303, tree_.scale->span,
              fmt::format("`decimal({})` has too many digits after the point", scale));
          diagnostic.helps.push_back(fmt::format("at most {}", cep::kScaleMax));
          context_.sink.report(std::move(diagnostic));
          return false;
        }
        list_.element = decimal_type(static_cast<int>(scale));
        return true;
      }
      case tree::ListForm::kDate:
        list_.element = plain_type(cep::TypeKind::kDate);
        return true;
      case tree::ListForm::kNetwork:
        list_.kind = ListKind::kNetwork;
        break;
      case tree::ListForm::kText:
        list_.kind = ListKind::kText;
        break;
      case tree::ListForm::kRegex:
        list_.kind = ListKind::kRegex;
        break;
      case tree::ListForm::kString:
        break;
    }
    list_.element = plain_type(cep::TypeKind::kString);
    return true;
  }

  void add(cep::OwnedValue value, bool ignore_case = false) {
    list_.values.push_back(std::move(value));
    if (list_.kind == ListKind::kRegex) list_.ignore_case.push_back(ignore_case);
    if (list_.kind == ListKind::kText && tree_.ignore_case) list_.ignore_case.push_back(true);
  }

  // ---- written out
  void read_values() {
    for (const tree::ExprPtr& element : tree_.values) {
      if (list_.kind == ListKind::kRegex) {
        add_regex(*element);
        continue;
      }
      const auto value = coerce_literal(context_, *element, list_.element, "an element of the list",
                                        tree_.form_span);
      if (!value) {
        ok_ = false;
      } else if (list_.kind == ListKind::kNetwork) {
        const auto network = written_network(context_, *value, element->span);
        ok_ = ok_ && network;
        if (network) add(*network);
      } else if (list_.kind == ListKind::kText && is_blank(value->view().text)) {
        context_.sink.report(make_diagnostic(Code::kE0309, element->span,
                                             "a phrase without a word is found nowhere"));
        ok_ = false;
      } else {
        add(*value);
      }
    }
    if (ok_) warn_of_elements(context_, tree_.values);
  }
  void add_regex(const tree::Expr& element) {
    if (element.kind == ExprKind::kRegex) {
      ok_ = check_regex(context_, element.text, element.ignore_case, element.span,
                        element.span.begin + 1) &&
            ok_;
      add(cep::OwnedValue(Value::string(element.text)), element.ignore_case);
      return;
    }
    ok_ = false;
    if (element.kind == ExprKind::kError) return;
    Diagnostic diagnostic = make_diagnostic(Code::kE0309, element.span,
                                            "an element of the list is a regular expression");
    diagnostic.labels.push_back({tree_.form_span, "its type is declared here"});
    diagnostic.helps.push_back("it is written between slashes: `/gift ?card/i`");
    context_.sink.report(std::move(diagnostic));
  }
  static bool is_blank(std::string_view phrase) { return cep::trimmed_phrase(phrase).empty(); }

  // ---- from a file: one value a line
  void read_file() {
    DataFile* file = open_data_file(context_, *tree_.from);
    if (!file) {
      ok_ = false;
      return;
    }
    DataReport problems(context_, *file, tree_.from->span);
    const std::string_view text = file->text;
    std::size_t begin = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
    Columns columns;
    while (begin < text.size()) {
      const std::size_t line_end = std::min(text.find('\n', begin), text.size());
      std::size_t end = line_end;
      while (begin < end && is_blank_byte(text[begin])) ++begin;
      while (end > begin && is_blank_byte(text[end - 1])) --end;
      if (begin < end && text[begin] != '#') {
        columns.look_at(text.substr(begin, end - begin), begin);
        add_line(problems, text, begin, end, columns);
      }
      begin = line_end + 1;
    }
    ok_ = problems.count() == 0;
    if (ok_ && list_.kind != ListKind::kRegex) report_columns(problems, columns);
  }

  // Whether all lines have the same separator equally often, as rows of a table have.
  struct Columns {
    void look_at(std::string_view line, std::size_t begin) {
      ++lines;
      if (lines == 1) {
        separator = separator_of(line);
        first_mark = begin + std::min(line.find(separator), line.size());
      }
      const auto count = static_cast<std::size_t>(std::ranges::count(line, separator));
      if (lines == 1) each = count;
      same = same && count == each && separator != '\0';
    }
    // A comma before a blank is one of a text.
    static char separator_of(std::string_view line) {
      if (const std::optional<char> found = foreign_separator(line)) return *found;
      const bool is_text = line.front() == '"' || line.find(", ") != std::string_view::npos;
      return !is_text && line.find(',') != std::string_view::npos ? ',' : '\0';
    }
    std::optional<std::size_t> mark() const {
      if (lines < 2 || !same || each == 0) return std::nullopt;
      return first_mark;
    }
    char separator = '\0';
    std::size_t lines = 0;
    std::size_t each = 0;
    std::size_t first_mark = 0;
    bool same = true;
  };
  // A tab is part of no value that events have; other separators may be, as in a user agent.
  void report_columns(DataReport& problems, const Columns& columns) {
    const std::optional<std::size_t> mark = columns.mark();
    if (!mark) return;
    const bool is_tab = columns.separator == '\t';
    const std::string columns_help = fmt::format(
        "leave the other columns out, or read them as a table: `table {} key … {{ … }} from "
        "\"…\"`",
        list_.name);
    problems.add(is_tab ? Code::kE0128 : Code::kW0042, *mark, *mark + 1,
                 "every line of this list has several columns", "a list has one value a line",
                 is_tab ? columns_help
                        : columns_help + "; if it is part of the values, write them in quotes");
    ok_ = !is_tab;
  }
  static bool is_blank_byte(char c) { return c == ' ' || c == '\t' || c == '\r'; }

  void add_line(DataReport& problems, std::string_view text, std::size_t begin, std::size_t end,
                const Columns& columns) {
    const std::string_view line = text.substr(begin, end - begin);
    if (list_.kind == ListKind::kRegex) {
      add_regex_line(problems, line, begin, end);
      return;
    }
    std::string decoded;
    std::string_view value_text = line;
    const bool is_string = list_.element.kind == cep::TypeKind::kString;
    if (is_string && line.front() == '"') {
      if (!decode_line(line, decoded)) {
        problems.add(Code::kE0309, begin, end, "a line in quotes is a string, as in JSON");
        return;
      }
      value_text = decoded;
    }
    if (list_.kind == ListKind::kNetwork) {
      const auto network = cep::read_network(value_text);
      if (!network) {
        problems.add(Code::kE0317, begin, end,
                     fmt::format("{} {}", in_code(value_text), network.error().what), "",
                     columns.each > 0
                         ? std::string("a list has one value a line; columns are for a table")
                         : network.error().help);
        return;
      }
      add(cep::OwnedValue(Value::string(cep::network_text(*network))));
      return;
    }
    cep::OwnedValue value = cep::parse_value(value_text, list_.element);
    if (value.view().is_missing()) {
      problems.add(Code::kE0309, begin, end,
                   fmt::format("an element of the list is {}: {} does not fit",
                               in_code(cep::type_name(list_.element)), in_code(value_text)),
                   "",
                   columns.each > 0
                       ? std::string("a list has one value a line; columns are for a table")
                       : data_value_help(list_.element));
      return;
    }
    if (list_.kind == ListKind::kText && is_blank(value_text)) {
      problems.add(Code::kE0309, begin, end, "a phrase without a word is found nowhere");
      return;
    }
    add(std::move(value));
  }

  void add_regex_line(DataReport& problems, std::string_view line, std::size_t begin,
                      std::size_t end) {
    bool ignore_case = false;
    std::string_view pattern = line;
    if (line.size() >= 3 && line.front() == '/' && (line.back() == '/' || line.ends_with("/i"))) {
      ignore_case = line.back() == 'i';
      pattern = line.substr(1, line.size() - (ignore_case ? 3 : 2));
    }
    const auto problem = cep::check_regex(pattern, ignore_case, context_.limits.regex);
    if (problem) {
      const std::size_t first = begin + (pattern.size() == line.size() ? 0 : 1);
      const std::size_t at =
          problem->byte ? first + std::min(*problem->byte, pattern.size()) : begin;
      using Kind = cep::RegexProblem::Kind;
      const Code code = problem->kind == Kind::kTooLong     ? Code::kE0506
                        : problem->kind == Kind::kTooCostly ? Code::kE0507
                                                            : Code::kE0316;
      problems.add(code, at, problem->byte ? at + 1 : end,
                   "the regular expression cannot be searched for", problem->message);
      return;
    }
    add(cep::OwnedValue(Value::string(pattern)), ignore_case);
  }

  // ---- limits
  bool check_size() {
    std::size_t most = context_.limits.list_values_max;
    if (list_.kind == ListKind::kText) most = context_.limits.searched_values_max;
    // Phrases that ignore case are searched for as regular expressions.
    const bool folds = list_.kind == ListKind::kText && tree_.ignore_case;
    if (list_.kind == ListKind::kRegex || folds) most = context_.limits.regexes_max;
    if (list_.values.size() <= most) return true;
    const bool regexes = list_.kind == ListKind::kRegex;
    Diagnostic diagnostic = make_diagnostic(
        regexes ? Code::kE0508 : Code::kE0504, tree_.from ? tree_.from->span : tree_.values_span,
        fmt::format("the list {} has {} {}; at most {}", in_code(list_.name), list_.values.size(),
                    regexes ? "regular expressions" : "elements", most));
    if (folds && list_.values.size() <= context_.limits.searched_values_max) {
      diagnostic.helps.push_back(
          "leave `ignoring case` out, write the phrases in small letters, and ask `lower(memo) "
          "contains any of …`");
    }
    diagnostic.helps.push_back(
        "split the list, or store the looked-up value as a field of the events");
    context_.sink.report(std::move(diagnostic));
    list_.values.clear();
    list_.ignore_case.clear();
    return false;
  }

  CheckContext& context_;
  const tree::List& tree_;
  cep::List& list_;
  bool ok_ = true;
};
}  // namespace

std::optional<cep::OwnedValue> written_network(CheckContext& context, const cep::OwnedValue& text,
                                               SourceSpan span) {
  const auto network = cep::read_network(text.view().text);
  if (network) return cep::OwnedValue(Value::string(cep::network_text(*network)));
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0317, span, fmt::format("{} {}", in_code(text.view().text), network.error().what));
  diagnostic.helps.push_back(network.error().help);
  context.sink.report(std::move(diagnostic));
  return std::nullopt;
}

void check_lists(CheckContext& context, const std::vector<const tree::List*>& lists) {
  for (const tree::List* tree : lists) {
    cep::List list;
    list.name = tree->name.text;
    const bool read = ListReader(context, *tree, list).read();
    const auto found = context.names.values.find(tree->name.text);
    if (found == context.names.values.end() || found->second.name != &tree->name) continue;
    found->second.broken = tree->broken || !read;
    found->second.list = cep::ListIndex(context.plan.lists.size());
    context.plan.lists.push_back(std::move(list));
  }
}
}  // namespace tocsin::rules
