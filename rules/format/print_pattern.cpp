// Patterns and windows that close.
#include <variant>

#include "rules/format/print_parts.h"

namespace tocsin::rules {
namespace {
void print_absence(TokenPrinter& p, const tree::Absence& absence) {
  p.word(absence.next ? "no next" : "no");
  p.indented([&] {
    print_kinds(p, absence.kinds.refs);
    print_where(p, absence.where);
    if (!absence.absent_for) return;
    p.may_break();
    p.word("for");
    p.duration(*absence.absent_for);
  });
}

void print_count(TokenPrinter& p, const tree::Count& count) {
  p.integer(count.min);
  if (count.or_more) p.mark("+");
  if (count.max) {
    p.mark("..");
    p.integer(*count.max);
  }
  p.blank();
  if (count.mode == tree::LoopWord::kNext) p.word("next");
  if (count.mode == tree::LoopWord::kEach) p.word("each");
  if (count.greedy) p.word("greedy");
}

void print_step(TokenPrinter& p, const tree::Step& step) {
  if (step.optional) p.word("optional");
  if (step.count) print_count(p, *step.count);
  switch (step.form) {
    case tree::StepForm::kGroup:
      return p.enclosed("(", ")", [&] { print_pattern(p, step.patterns.front()); });
    case tree::StepForm::kOneOf:
      p.word("one of");
      p.entries(
          "{", "}", step.patterns, Packing::kOnePerLine,
          [](const tree::Pattern& each) { return each.span.begin; },
          [&](const tree::Pattern& each) { print_pattern(p, each); });
      if (!step.as) return;
      p.blank();
      p.word("as");
      return p.name(*step.as);
    case tree::StepForm::kAllOf:
      p.word("all of");
      return p.entries(
          "{", "}", step.members, Packing::kOnePerLine,
          [](const tree::Step& each) { return each.span.begin; },
          [&](const tree::Step& each) { print_step(p, each); });
    case tree::StepForm::kKinds:
      break;
  }
  p.indented([&] {
    print_kinds(p, step.kinds.refs);
    if (step.as) {
      p.may_break();
      p.word("as");
      p.name(*step.as);
    }
    print_where(p, step.where);
    if (!step.until) return;
    p.may_break();
    p.word("until");
    print_kinds(p, step.until->kinds.refs);
    print_where(p, step.until->where);
  });
}

void print_element(TokenPrinter& p, const tree::Element& element) {
  if (const auto* none = std::get_if<tree::Absence>(&element.body)) return print_absence(p, *none);
  if (element.link == tree::Link::kThenFirst) p.word("first");
  if (element.link == tree::Link::kThenNext) p.word("next");
  if (element.within) {
    p.word("within");
    p.duration(*element.within);
    p.blank();
  }
  print_step(p, std::get<tree::Step>(element.body));
}
}  // namespace

// A step on each line, and what is said of it further in; all on one line where there is room.
void print_pattern(TokenPrinter& p, const tree::Pattern& pattern) {
  if (pattern.elements.size() == 1) return print_element(p, pattern.elements.front());
  p.group([&] {
    p.indented([&] {
      bool first = true;
      for (const tree::Element& part : pattern.elements) {
        if (!first) {
          p.layout().line_break(BreakForm::kBlank);
          p.word("then");
        }
        first = false;
        print_element(p, part);
      }
    });
  });
}

void print_event_window(TokenPrinter& p, const tree::EventWindow& window) {
  p.word(window.session ? "session of" : "tumbling");
  p.indented([&] {
    if (window.session) {
      print_kinds(p, window.kinds.refs);
      p.may_break();
      p.word("gap");
      p.duration(window.duration);
    } else {
      if (window.unit) {
        p.word(cep::unit_name(*window.unit));
        p.word("in");
        print_zone(p, *window.zone);
      } else {
        p.duration(window.duration);
      }
      p.may_break();
      p.word("of");
      print_kinds(p, window.kinds.refs);
    }
    p.may_break();
    p.word("as");
    p.name(window.as);
    print_where(p, window.where);
  });
}
}  // namespace tocsin::rules
