#include "cep/data/text_capture.h"

#include <fmt/format.h>

#include <utility>

#include "cep/value/unicode.h"

namespace tocsin::cep {
namespace {
constexpr std::size_t kNowhere = std::string_view::npos;

bool is_word_byte(std::string_view text, std::size_t at) {
  if (at >= text.size()) return false;
  const char c = text[at];
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool holds(RegexNode::Assertion assertion, std::string_view text, std::size_t at) {
  using Assertion = RegexNode::Assertion;
  const bool is_edge = (at > 0 && is_word_byte(text, at - 1)) != is_word_byte(text, at);
  switch (assertion) {
    case Assertion::kBegin:
      return at == 0;
    case Assertion::kEndOfLine:
      return at == text.size() || (at + 1 == text.size() && text[at] == '\n');
    case Assertion::kEnd:
      return at == text.size();
    case Assertion::kWordEdge:
      return is_edge;
    case Assertion::kNoWordEdge:
      return !is_edge;
  }
  return false;
}
}  // namespace

// A way through the expression that has come to `step`, with what the group took so far.
struct TextCapture::Thread {
  std::uint32_t step = 0;
  std::size_t begin = kNowhere;
  std::size_t end = kNowhere;
};
// The paths before a character, the preferred one first; each step at most once.
struct TextCapture::Threads {
  std::vector<Thread> all;
  std::vector<std::uint64_t> seen;  // by step: the round in which a way came to it
  std::uint64_t round = 0;
  std::vector<Thread> open;

  void clear(std::size_t steps, std::uint64_t new_round) {
    all.clear();
    round = new_round;
    if (seen.size() < steps) seen.resize(steps, 0);
  }
};

// Writes the steps of a tree one after the other.
struct TextCapture::Writer {
  const RegexTree& tree;
  std::uint32_t group;
  std::size_t steps_max;
  std::vector<Step> steps = {};

  bool is_full() const { return steps.size() > steps_max; }
  std::uint32_t here() const { return static_cast<std::uint32_t>(steps.size()); }
  std::uint32_t add(Step::Kind kind, std::uint32_t other = 0) {
    if (!is_full()) steps.push_back({kind, {}, 0, other});
    return here() - 1;
  }
  // A fork whose one side follows it; the other is set when it is known.
  void set_exit(std::uint32_t fork, bool lazy, std::uint32_t exit) {
    Step& step = steps[fork];
    step.next = lazy ? exit : fork + 1;
    step.other = lazy ? fork + 1 : exit;
  }

  void write(std::uint32_t index) {
    using Kind = RegexNode::Kind;
    if (is_full()) return;
    const RegexNode& node = tree.nodes[index];
    switch (node.kind) {
      case Kind::kEmpty:
        break;
      case Kind::kSet:
        add(Step::Kind::kTake, node.number);
        break;
      case Kind::kAssertion:
        steps[add(Step::Kind::kAssertion)].assertion = node.assertion;
        break;
      case Kind::kGroup:
        if (node.number == group) add(Step::Kind::kBegin);
        write(node.children.front());
        if (node.number == group) add(Step::Kind::kEnd);
        break;
      case Kind::kSequence:
        for (const std::uint32_t child : node.children) write(child);
        break;
      case Kind::kChoice:
        write_choice(node);
        break;
      case Kind::kRepeat:
        write_repeat(node);
        break;
    }
  }
  void write_choice(const RegexNode& node) {
    std::vector<std::uint32_t> ends;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const bool is_last = i + 1 == node.children.size();
      const std::uint32_t fork = is_last ? 0 : add(Step::Kind::kFork);
      write(node.children[i]);
      if (is_last) break;
      ends.push_back(add(Step::Kind::kJump));
      if (is_full()) return;
      set_exit(fork, false, here());
    }
    for (const std::uint32_t end : ends) steps[end].next = here();
  }
  void write_repeat(const RegexNode& node) {
    const std::uint32_t child = node.children.front();
    const bool endless = node.most == RegexNode::kNoMost;
    // The last of those that must be is the one to go round.
    const std::uint32_t plain = endless && node.least > 0 ? node.least - 1 : node.least;
    for (std::uint32_t i = 0; i < plain && !is_full(); ++i) {
      const std::uint32_t before = here();
      write(child);
      if (here() == before) return;  // nothing, however often
    }
    std::vector<std::uint32_t> exits;
    if (endless) {
      // `x*` is `(x+)?`: then a round that takes nothing ends there and is a round all the same.
      if (node.least == 0) exits.push_back(add(Step::Kind::kFork));
      const std::uint32_t begin = here();
      write(child);
      const std::uint32_t fork = add(Step::Kind::kFork);
      if (is_full()) return;
      steps[fork].next = node.lazy ? fork + 1 : begin;
      steps[fork].other = node.lazy ? begin : fork + 1;
    } else {
      for (std::uint32_t i = node.least; i < node.most && !is_full(); ++i) {
        exits.push_back(add(Step::Kind::kFork));
        const std::uint32_t before = here();
        write(child);
        if (here() == before) break;
      }
    }
    if (is_full()) return;
    for (const std::uint32_t fork : exits) set_exit(fork, node.lazy, here());
  }
};

tl::expected<TextCapture, RegexProblem> TextCapture::compile(std::string_view regex,
                                                             bool ignore_case, std::uint32_t group,
                                                             std::size_t steps_max) {
  using Kind = RegexProblem::Kind;
  tl::expected<RegexTree, RegexProblem> tree = RegexTree::read(regex, ignore_case);
  if (!tree) return tl::unexpected(tree.error());
  if (group > tree->groups.size()) {
    return tl::unexpected(RegexProblem{
        Kind::kUnsupported, fmt::format("it has {} groups", tree->groups.size()), std::nullopt});
  }
  Writer writer{*tree, group, steps_max};
  if (group == 0) writer.add(Step::Kind::kBegin);
  writer.write(tree->root);
  if (group == 0) writer.add(Step::Kind::kEnd);
  writer.add(Step::Kind::kMatch);
  if (writer.is_full()) {
    return tl::unexpected(RegexProblem{
        Kind::kTooCostly,
        fmt::format("it has more than {} steps when its repeats are written out", steps_max),
        std::nullopt});
  }
  TextCapture made;
  made.steps_ = std::move(writer.steps);
  made.sets_ = std::move(tree->sets);
  made.groups_ = std::move(tree->groups);
  made.note_beginnings();
  return made;
}

void TextCapture::note_beginnings() {
  std::vector<bool> seen(steps_.size(), false);
  std::vector<std::uint32_t> open = {0};
  needs_character_ = true;
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    if (seen[at]) continue;
    seen[at] = true;
    const Step& step = steps_[at];
    switch (step.kind) {
      case Step::Kind::kTake:
        sets_[step.other].mark_first_bytes(begins_with_);
        break;
      case Step::Kind::kFork:
        open.push_back(step.other);
        open.push_back(step.next);
        break;
      case Step::Kind::kJump:
        open.push_back(step.next);
        break;
      case Step::Kind::kMatch:
        needs_character_ = false;
        break;
      default:
        open.push_back(at + 1);
        break;
    }
  }
  std::uint32_t first = 0;
  while (steps_[first].kind == Step::Kind::kBegin) ++first;
  at_begin_only_ = steps_[first].kind == Step::Kind::kAssertion &&
                   steps_[first].assertion == RegexNode::Assertion::kBegin;
}

// Adds what the way leads to before the next character, unless a better one came there.
void TextCapture::follow(std::string_view text, std::size_t at, Thread thread,
                         Threads& threads) const {
  threads.open.assign(1, thread);
  while (!threads.open.empty()) {
    Thread now = threads.open.back();
    threads.open.pop_back();
    for (bool goes_on = true; goes_on && threads.seen[now.step] != threads.round;) {
      threads.seen[now.step] = threads.round;
      const Step& step = steps_[now.step];
      switch (step.kind) {
        case Step::Kind::kFork:
          threads.open.push_back({step.other, now.begin, now.end});
          now.step = step.next;
          break;
        case Step::Kind::kJump:
          now.step = step.next;
          break;
        case Step::Kind::kAssertion:
          goes_on = holds(step.assertion, text, at);
          ++now.step;
          break;
        case Step::Kind::kBegin:
          // The end of a round before stays until this one ends, and goes with its beginning.
          now.begin = at;
          now.end = kNowhere;
          ++now.step;
          break;
        case Step::Kind::kEnd:
          now.end = at;
          ++now.step;
          break;
        case Step::Kind::kTake:
        case Step::Kind::kMatch:
          threads.all.push_back(now);
          goes_on = false;
          break;
      }
    }
  }
}

std::optional<std::string_view> TextCapture::find(std::string_view text) const {
  thread_local Threads now;
  thread_local Threads then;
  thread_local std::uint64_t round = 0;
  std::optional<Thread> match;
  now.clear(steps_.size(), ++round);
  for (std::size_t at = 0;;) {
    if (!match && (at == 0 || !at_begin_only_)) {
      if (now.all.empty() && needs_character_) {
        // Nothing is under way: go to where a match may begin.
        while (at < text.size() && !begins_with_[static_cast<unsigned char>(text[at])]) ++at;
        if (at == text.size()) break;
        now.clear(steps_.size(), ++round);
      }
      follow(text, at, Thread{}, now);
    }
    if (now.all.empty() && (match || at_begin_only_)) break;
    const CodePoint point = at < text.size() ? code_point_at(text, at) : CodePoint{-1, 1};
    then.clear(steps_.size(), ++round);
    for (const Thread& thread : now.all) {
      const Step& step = steps_[thread.step];
      if (step.kind == Step::Kind::kMatch) {
        match = thread;
        break;  // the others are not preferred to it
      }
      if (at < text.size() && sets_[step.other].has(point.value)) {
        follow(text, at + point.bytes, {thread.step + 1, thread.begin, thread.end}, then);
      }
    }
    if (at >= text.size()) break;
    at += point.bytes;
    std::swap(now, then);
  }
  if (!match || match->end == kNowhere) return std::nullopt;
  return text.substr(match->begin, match->end - match->begin);
}

std::optional<std::string_view> part_of_text(std::string_view text, std::string_view separator,
                                             std::int64_t number) {
  if (number == 0 || separator.empty()) return std::nullopt;
  // From the end the same: the separators are those that a search from the beginning finds.
  if (number < 0) {
    std::int64_t parts = 1;
    for (std::size_t found = text.find(separator); found != std::string_view::npos;
         found = text.find(separator, found + separator.size())) {
      ++parts;
    }
    if (number < -parts) return std::nullopt;
    number += parts + 1;
  }
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = text.find(separator, begin);
    if (--number == 0) return text.substr(begin, end == text.npos ? end : end - begin);
    if (end == text.npos) return std::nullopt;
    begin = end + separator.size();
  }
}
}  // namespace tocsin::cep
