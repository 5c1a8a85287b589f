// Patterns and windows that close.
#include <variant>

#include "rules/format/printer.h"

namespace tocsin::rules {
// A step on each line, and what is said of it further in; all on one line where there is room.
void Printer::pattern(const tree::Pattern& pattern) {
  if (pattern.elements.size() == 1) return element(pattern.elements.front());
  group([&] {
    indented([&] {
      bool first = true;
      for (const tree::Element& part : pattern.elements) {
        if (!first) {
          layout_.line_break(BreakForm::kBlank);
          word("then");
        }
        first = false;
        element(part);
      }
    });
  });
}

void Printer::element(const tree::Element& element) {
  if (const auto* none = std::get_if<tree::Absence>(&element.body)) return absence(*none);
  if (element.link == tree::Link::kThenFirst) word("first");
  if (element.link == tree::Link::kThenNext) word("next");
  if (element.within) {
    word("within");
    duration(*element.within);
    blank();
  }
  step(std::get<tree::Step>(element.body));
}

void Printer::absence(const tree::Absence& absence) {
  word(absence.next ? "no next" : "no");
  indented([&] {
    kinds(absence.kinds.refs);
    where(absence.where);
    if (!absence.absent_for) return;
    may_break();
    word("for");
    duration(*absence.absent_for);
  });
}

void Printer::count(const tree::Count& count) {
  integer(count.min);
  if (count.or_more) mark("+");
  if (count.max) {
    mark("..");
    integer(*count.max);
  }
  blank();
  if (count.mode == tree::LoopWord::kNext) word("next");
  if (count.mode == tree::LoopWord::kEach) word("each");
  if (count.greedy) word("greedy");
}

void Printer::step(const tree::Step& step) {
  if (step.optional) word("optional");
  if (step.count) count(*step.count);
  switch (step.form) {
    case tree::StepForm::kGroup:
      return enclosed("(", ")", [&] { pattern(step.patterns.front()); });
    case tree::StepForm::kOneOf:
      word("one of");
      entries(
          "{", "}", step.patterns, Packing::kOnePerLine,
          [](const tree::Pattern& each) { return each.span.begin; },
          [this](const tree::Pattern& each) { pattern(each); });
      if (!step.as) return;
      blank();
      word("as");
      return name(*step.as);
    case tree::StepForm::kAllOf:
      word("all of");
      return entries(
          "{", "}", step.members, Packing::kOnePerLine,
          [](const tree::Step& each) { return each.span.begin; },
          [this](const tree::Step& each) { this->step(each); });
    case tree::StepForm::kKinds:
      break;
  }
  indented([&] {
    kinds(step.kinds.refs);
    if (step.as) {
      may_break();
      word("as");
      name(*step.as);
    }
    where(step.where);
    if (!step.until) return;
    may_break();
    word("until");
    kinds(step.until->kinds.refs);
    where(step.until->where);
  });
}

void Printer::event_window(const tree::EventWindow& window) {
  word(window.session ? "session of" : "tumbling");
  indented([&] {
    if (window.session) {
      kinds(window.kinds.refs);
      may_break();
      word("gap");
      duration(window.duration);
    } else {
      if (window.unit) {
        word(cep::unit_name(*window.unit));
        word("in");
        zone(*window.zone);
      } else {
        duration(window.duration);
      }
      may_break();
      word("of");
      kinds(window.kinds.refs);
    }
    may_break();
    word("as");
    name(window.as);
    where(window.where);
  });
}
}  // namespace tocsin::rules
