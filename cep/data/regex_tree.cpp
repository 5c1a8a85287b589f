#include "cep/data/regex_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cep/data/regex_classes.h"
#include "cep/value/unicode.h"

namespace tocsin::cep {
namespace {
using Kind = RegexNode::Kind;
using Assertion = RegexNode::Assertion;
constexpr std::size_t kDepthMax = 200;  // groups in groups

// Recursive descent; after a problem nothing else is read.
class Reader {
 public:
  Reader(std::string_view regex, bool ignore_case) : regex_(regex) { fold_ = ignore_case; }

  tl::expected<RegexTree, RegexProblem> run() {
    const std::uint32_t root = choice();
    if (!problem_ && at_ < regex_.size()) refuse("a `)` that closes nothing", at_);
    if (problem_) return tl::unexpected(*problem_);
    tree_.root = root;
    for (CodePointSet& set : tree_.sets) set.finish();
    return std::move(tree_);
  }

 private:
  bool more() const { return !problem_ && at_ < regex_.size(); }
  bool at(std::string_view text) const { return more() && regex_.substr(at_).starts_with(text); }
  bool accept(std::string_view text) {
    if (!at(text)) return false;
    at_ += text.size();
    return true;
  }
  void refuse(std::string message, std::size_t byte) {
    if (!problem_)
      problem_ = RegexProblem{RegexProblem::Kind::kUnsupported, std::move(message), byte};
  }

  std::uint32_t add(RegexNode node) {
    tree_.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(tree_.nodes.size() - 1);
  }
  std::uint32_t add_set(CodePointSet set) {
    tree_.sets.push_back(std::move(set));
    RegexNode node;
    node.kind = Kind::kSet;
    node.may_be_empty = false;
    node.number = static_cast<std::uint32_t>(tree_.sets.size() - 1);
    return add(std::move(node));
  }
  std::uint32_t add_assertion(Assertion assertion) {
    RegexNode node;
    node.kind = Kind::kAssertion;
    node.assertion = assertion;
    return add(std::move(node));
  }
  bool may_be_empty(std::uint32_t node) const { return tree_.nodes[node].may_be_empty; }

  std::uint32_t choice() {
    RegexNode node;
    node.kind = Kind::kChoice;
    node.may_be_empty = false;
    do {
      const std::uint32_t transition = sequence();
      node.may_be_empty = node.may_be_empty || may_be_empty(transition);
      node.children.push_back(transition);
    } while (accept("|"));
    return node.children.size() == 1 ? node.children.front() : add(std::move(node));
  }

  std::uint32_t sequence() {
    RegexNode node;
    node.kind = Kind::kSequence;
    while (more() && regex_[at_] != '|' && regex_[at_] != ')') {
      const std::optional<std::uint32_t> item = atom();
      if (!item) continue;  // flags, or a problem
      const std::uint32_t part = repeated(*item);
      node.may_be_empty = node.may_be_empty && may_be_empty(part);
      node.children.push_back(part);
    }
    if (node.children.size() == 1) return node.children.front();
    if (node.children.empty()) node.kind = Kind::kEmpty;
    return add(std::move(node));
  }

  std::uint32_t repeated(std::uint32_t item) {
    const std::size_t begin = at_;
    RegexNode node;
    node.kind = Kind::kRepeat;
    if (accept("*")) {
      node.most = RegexNode::kNoMost;
    } else if (accept("+")) {
      node.least = 1;
      node.most = RegexNode::kNoMost;
    } else if (accept("?")) {
      node.most = 1;
    } else if (!counts(node)) {
      return item;
    }
    node.lazy = accept("?");
    if (!node.lazy && at("+")) refuse("a possessive repeat", begin);
    if (at("*") || at("+") || at("?")) refuse("a repeat of a repeat", at_);
    node.may_be_empty = node.least == 0 || may_be_empty(item);
    node.children = {item};
    return add(std::move(node));
  }
  // `{2}`, `{2,}`, `{2,5}`; what is not one stands for itself.
  bool counts(RegexNode& node) {
    if (!at("{")) return false;
    std::size_t i = at_ + 1;
    const auto number = [&](std::uint32_t& into) {
      const std::size_t first = i;
      constexpr std::uint32_t kLarge = 1'000'000;
      for (; i < regex_.size() && regex_[i] >= '0' && regex_[i] <= '9'; ++i) {
        into = std::min(into * 10 + static_cast<std::uint32_t>(regex_[i] - '0'), kLarge);
      }
      return i > first;
    };
    if (!number(node.least)) return false;
    node.most = node.least;
    if (i < regex_.size() && regex_[i] == ',') {
      ++i;
      node.most = 0;
      if (!number(node.most)) node.most = RegexNode::kNoMost;
    }
    if (i >= regex_.size() || regex_[i] != '}') return false;
    at_ = i + 1;
    return true;
  }

  // Nothing for flags.
  std::optional<std::uint32_t> atom() {
    const std::size_t begin = at_;
    switch (regex_[at_]) {
      case '(':
        return group();
      case '[':
        return bracket();
      case '\\':
        return escape();
      case '.': {
        ++at_;
        CodePointSet set;
        if (!dot_is_all_) set.add('\n', '\n');
        set.invert();
        return add_set(std::move(set));
      }
      case '^':
        ++at_;
        return add_assertion(Assertion::kBegin);
      case '$':
        ++at_;
        return add_assertion(Assertion::kEndOfLine);
      case '*':
      case '+':
      case '?':
        refuse("a repeat of nothing", begin);
        return std::nullopt;
      default:
        return character(literal());
    }
  }
  std::int32_t literal() {
    const CodePoint point = code_point_at(regex_, at_);
    at_ += point.bytes;
    return point.value;
  }
  std::uint32_t character(std::int32_t point) {
    CodePointSet set;
    set.add(point, point);
    if (fold_) set.add_other_cases();
    return add_set(std::move(set));
  }

  std::optional<std::uint32_t> group() {
    const std::size_t begin = at_;
    const bool fold = fold_;
    const bool dot_is_all = dot_is_all_;
    ++at_;
    std::optional<std::uint32_t> number;
    if (accept("?")) {
      if (accept("<") || accept("P<")) {
        number = named(begin, '>');
      } else if (accept("'")) {
        number = named(begin, '\'');
      } else if (!accept(":")) {
        if (!flags(begin)) return std::nullopt;
        if (accept(")")) return std::nullopt;  // they hold up to the end of the group around
        accept(":");
      }
    } else {
      number = unnamed();
    }
    if (++depth_ > kDepthMax)
      refuse(fmt::format("more than {} groups in groups", kDepthMax), begin);
    if (problem_) return std::nullopt;
    const std::uint32_t inside = choice();
    --depth_;
    if (!accept(")")) refuse("a group that is not closed", begin);
    fold_ = fold;
    dot_is_all_ = dot_is_all;
    if (!number) return inside;
    RegexNode node;
    node.kind = Kind::kGroup;
    node.number = *number;
    node.may_be_empty = may_be_empty(inside);
    node.children = {inside};
    return add(std::move(node));
  }
  std::uint32_t unnamed() {
    tree_.groups.emplace_back();
    return static_cast<std::uint32_t>(tree_.groups.size());
  }
  std::uint32_t named(std::size_t begin, char close) {
    const std::uint32_t number = unnamed();
    const std::size_t end = regex_.find(close, at_);
    const std::string_view name =
        end == std::string_view::npos ? std::string_view() : regex_.substr(at_, end - at_);
    const bool is_word = !name.empty() && std::ranges::all_of(name, [](char c) {
      return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
    if (!is_word) {
      refuse("look-around, or a group without a name", begin);
      return number;
    }
    tree_.groups.back() = name;
    at_ = end + 1;
    return number;
  }
  bool flags(std::size_t begin) {
    bool on = true;
    for (; more() && regex_[at_] != ')' && regex_[at_] != ':'; ++at_) {
      switch (regex_[at_]) {
        case '-':
          on = false;
          break;
        case 'i':
          fold_ = on;
          break;
        case 's':
          dot_is_all_ = on;
          break;
        default:
          refuse("a group of another kind than `(…)`, `(?:…)`, `(?<name>…)`, `(?i)` and `(?s)`",
                 begin);
          return false;
      }
    }
    if (!more()) refuse("a group that is not closed", begin);
    return more();
  }

  // Behind `\p` or `\P`.
  CodePointSet property(bool negated, std::size_t begin) {
    CodePointSet set;
    std::string_view name;
    if (accept("{")) {
      if (accept("^")) negated = !negated;
      const std::size_t end = std::min(regex_.find('}', at_), regex_.size());
      name = regex_.substr(at_, end - at_);
      at_ = std::min(end + 1, regex_.size());
    } else if (more()) {
      name = regex_.substr(at_++, 1);
    }
    const std::optional<CodePointSet> named = category_class(name);
    if (!named) refuse("`\\p` of anything but a general category such as L, Lu or Nd", begin);
    if (named) set.add(*named);
    if (negated) set.invert();
    return set;
  }
  // The character that an escape stands for; the letter behind the backslash is taken.
  std::int32_t escaped_character(char letter, std::size_t begin) {
    switch (letter) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'f':
        return '\f';
      case 'a':
        return 7;
      case 'e':
        return 27;
      case 'x':
        return hexadecimal(begin);
      default:
        break;
    }
    const bool is_word = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                         (letter >= '0' && letter <= '9');
    if (is_word) {
      const bool digit = letter >= '1' && letter <= '9';
      refuse(digit ? "a back-reference" : fmt::format("`\\{}`", letter), begin);
      return 0;
    }
    --at_;
    return literal();
  }
  std::int32_t hexadecimal(std::size_t begin) {
    const bool braces = accept("{");
    std::int32_t value = 0;
    std::size_t digits = 0;
    for (; more() && digits < (braces ? 8U : 2U); ++at_, ++digits) {
      const char c = regex_[at_];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) break;
      value = std::min(value * 16 + digit, CodePointSet::kLargest + 1);
    }
    if ((braces && !accept("}")) || digits == 0 || value > CodePointSet::kLargest) {
      refuse("a `\\x` without a character's number", begin);
    }
    return value;
  }

  std::optional<std::uint32_t> escape() {
    const std::size_t begin = at_++;
    if (!more()) {
      refuse("a backslash at the end", begin);
      return std::nullopt;
    }
    const char letter = regex_[at_++];
    switch (letter) {
      case 'b':
        return add_assertion(Assertion::kWordEdge);
      case 'B':
        return add_assertion(Assertion::kNoWordEdge);
      case 'A':
        return add_assertion(Assertion::kBegin);
      case 'z':
        return add_assertion(Assertion::kEnd);
      case 'Z':
        return add_assertion(Assertion::kEndOfLine);
      case 'p':
      case 'P':
        return add_set(property(letter == 'P', begin));
      default:
        break;
    }
    if (std::optional<CodePointSet> set = escape_class(letter)) return add_set(std::move(*set));
    return character(escaped_character(letter, begin));
  }

  std::optional<std::uint32_t> bracket() {
    const std::size_t begin = at_++;
    const bool negated = accept("^");
    CodePointSet written;  // its other cases are in the class as well
    CodePointSet named;
    for (bool is_first = true; !at("]") || is_first; is_first = false) {
      if (!more()) {
        refuse("a class that is not closed", begin);
        return std::nullopt;
      }
      const std::size_t item = at_;
      const std::optional<std::int32_t> low = member(named);
      const bool is_range =
          at("-") && at_ + 1 < regex_.size() && regex_[at_ + 1] != ']' && !problem_;
      if (!is_range) {
        if (low) written.add(*low, *low);
        continue;
      }
      ++at_;
      const std::optional<std::int32_t> high = member(named);
      if (problem_) return std::nullopt;
      if (!low || !high || *high < *low) {
        refuse("a range that is none", item);
        return std::nullopt;
      }
      written.add(*low, *high);
    }
    accept("]");
    if (fold_) written.add_other_cases();
    written.add(named);
    if (negated) written.invert();
    return add_set(std::move(written));
  }
  // A character of a class; nothing for what names several, which go to `named`.
  std::optional<std::int32_t> member(CodePointSet& named) {
    const std::size_t begin = at_;
    if (at("[:")) {
      posix(named);
      return std::nullopt;
    }
    if (!accept("\\")) return literal();
    if (!more()) {
      refuse("a backslash at the end", begin);
      return std::nullopt;
    }
    const char letter = regex_[at_++];
    if (letter == 'b') return 8;
    if (letter == 'p' || letter == 'P') {
      named.add(property(letter == 'P', begin));
      return std::nullopt;
    }
    if (const std::optional<CodePointSet> set = escape_class(letter)) {
      named.add(*set);
      return std::nullopt;
    }
    return escaped_character(letter, begin);
  }
  void posix(CodePointSet& named) {
    const std::size_t begin = at_;
    at_ += 2;
    const bool negated = accept("^");
    const std::size_t end = regex_.find(":]", at_);
    std::optional<CodePointSet> set;
    if (end != std::string_view::npos) set = posix_class(regex_.substr(at_, end - at_), fold_);
    if (set) {
      at_ = end + 2;
      if (negated) set->invert();
      named.add(*set);
      return;
    }
    refuse(
        "a class between `[:` and `:]` that is not alpha, digit, alnum, upper, lower, space, "
        "xdigit, punct or word",
        begin);
  }

  std::string_view regex_;
  std::size_t at_ = 0;
  bool fold_ = false;
  bool dot_is_all_ = false;
  std::size_t depth_ = 0;
  RegexTree tree_;
  std::optional<RegexProblem> problem_;
};
}  // namespace

tl::expected<RegexTree, RegexProblem> RegexTree::read(std::string_view regex, bool ignore_case) {
  return Reader(regex, ignore_case).run();
}
}  // namespace tocsin::cep
