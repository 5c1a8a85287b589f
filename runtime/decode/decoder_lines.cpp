// Lines to rows: by their form where that is known, and by a walk otherwise.
#include <algorithm>
#include <optional>
#include <utility>

#include "cep/base/assert.h"
#include "runtime/decode/decode_problem.h"
#include "runtime/decode/decoded_block.h"
#include "runtime/decode/decoder_fields.h"
#include "runtime/decode/decoder_impl.h"
#include "runtime/decode/form_reader.h"
#include "runtime/decode/json_structure.h"
#include "runtime/decode/line_form.h"
#include "runtime/decode/marked_lines.h"
#include "runtime/decode/type_plan.h"
#include "runtime/decode/word_table.h"

namespace tocsin::runtime {
static_assert(kLinePadding >= kReadAhead && kLinePadding >= LineForm::kReadAheadOfForm &&
              kLinePadding >= kSeparatorPadding);

namespace {
// Appends a line of a type that is not declared.
void add_ignored(std::string_view text, const LineFault& fault, DecodedBlock& block) {
  BlockLine& line = block.lines.emplace_back();
  line.text = text;
  line.number = static_cast<std::uint32_t>(++block.line_count);
  line.kind = LineKind::kIgnored;
  block.faults.push_back(fault);
}
}  // namespace

// The form of the line, where an earlier line had it too; its type is then the line's, or none that
// is declared. Null, and nothing is changed, otherwise.
const LineForm* Decoder::Impl::known_form(const SeparatedLine& line, std::uint32_t& quotes) {
  for (const LineForm::Begin& begin : type_begins_) {
    if (begin.separator != 0 && line.before + begin.separator >= line.of->end()) continue;
    const std::uint32_t offset = line.before[begin.separator] + begin.add;
    const int type = names_.find_at(line, offset);
    if (type < 0 && line.text[offset] != '"') continue;
    // Where it is none, and the line has a form, the type begins there: it is one that is ignored.
    TypePlan& plan = type >= 0 ? types_[static_cast<std::size_t>(type)] : ignored_;
    const LineForm* const form = plan.forms.find(line, begin, quotes);
    if (form == nullptr) continue;
    start_type(type);
    if (type < 0) {
      const char* const token = line.text + offset;
      offender_ = {token, string_inside(token + 1).size() + 2};
    }
    return form;
  }
  return nullptr;
}

// Takes the fields of a line of this form; false where it has another one.
bool Decoder::Impl::take_form(const SeparatedLine& line, const LineForm& form) {
  for (const LineForm::Read& read : form.reads()) {
    const char* const from = read.value.from(line);
    const char* const to = read.value.to(line);
    const auto size = static_cast<std::size_t>(to - from);
    Leaf& leaf = type_->leaves[read.leaf_begin];
    switch (read.how) {
      case LineForm::How::kNumber:
        if (take_number(leaf, {from, size})) continue;
        // It is written in an unusual way, or none; where it is not even plain, the line has
        // another form.
        if (!LineForm::is_usual(from, to)) return false;
        take_scalar(leaf, {from, size});
        continue;
      case LineForm::How::kText:
        if (take_inside(leaf, {from + 1, size - 2})) continue;
        break;
      case LineForm::How::kWord:
        if (take_known_word(leaf, from + 1, size - 2)) continue;
        break;
      case LineForm::How::kAny:
        break;
    }
    for (std::uint32_t i = read.leaf_begin; i != read.leaf_end; ++i) {
      take(type_->leaves[i], {from, size});
    }
  }
  return true;
}

// Nothing is left of the line of which some fields were taken.
void Decoder::Impl::take_back() {
  if (type_index_ >= 0 && type_->used) drop();
  forget_line();
}

// Goes through the line by its form; false, and nothing is left of it, where that is not known.
bool Decoder::Impl::take_known(MarkedLines& marked) {
  if (std::exchange(missed_, nullptr) == line_.data()) {
    pause_.missed(line_.size());
    return false;
  }
  if (pause_.is_on()) {
    pause_.pass_over(line_.size());
    return false;
  }
  const SeparatedLine line = marked.separated(line_.data());
  std::uint32_t quotes = 0;
  const LineForm* const form = line.of != nullptr ? known_form(line, quotes) : nullptr;
  if (form == nullptr || form->whole().of(line).size() != line_.size()) {
    pause_.missed(line_.size());
    return false;
  }
  if (!take_form(line, *form)) {
    take_back();
    return false;
  }
  pause_.found(line_.size());
  marked.separated_up_to({line.of, line.text, line.before + form->separators(), quotes});
  std::ranges::copy(form->seen(), seen_.begin());
  return true;
}

// The line is well-formed, and an event or one of a type that is not declared.
void Decoder::Impl::learn_form(const JsonMarks& marks) {
  TypePlan& plan = type_index_ >= 0 ? *type_ : ignored_;
  LineForms& forms = plan.forms;
  if (pause_.is_on() || !forms.wants_another()) return;
  std::optional<LineForm> form = read_form(line_, marks, plan);
  if (const LineForm* const like = form ? forms.like(*form) : nullptr) {
    form = read_form(line_, marks, plan, like->kinds());
  }
  if (!form) {
    forms.has_none();
    return;
  }
  const LineForm::Begin begin = form->type_begin();
  const bool is_known = std::ranges::find(type_begins_, begin) != type_begins_.end();
  const std::size_t begins_max = type_index_ >= 0 ? kTypeBeginsMax : kTypeBeginsOfIgnored;
  if (!is_known && type_begins_.size() >= begins_max) return;
  if (!is_known) type_begins_.push_back(begin);
  forms.learn(std::move(*form));
}

// Goes through the line by marks that go on behind it; false, and nothing is left of it, unless it
// is one object and ends where the line does.
bool Decoder::Impl::walk_marked(MarkedLines& marked) {
  const JsonMarks marks = marked.of(line_);
  if (marks.begin == nullptr) return false;
  const auto end = static_cast<std::uint32_t>(line_.data() + line_.size() - marks.text);
  JsonCursor at(marks);
  if (walk_line(at) && at.is_at(end)) {
    marked.ended_at(at.position());
    const bool is_ignored = type_index_ == kTypeIgnored && verdict_ == LineVerdict::kOk;
    if (has_time_ || is_ignored) learn_form({marks.text, marks.begin, at.position()});
    return true;
  }
  marked.give_up();
  if (type_index_ >= 0 && type_->used) drop();
  start_line();
  return false;
}

// Goes through the line by its own marks, and says what is wrong with it.
void Decoder::Impl::walk_alone() {
  json_fault_ = scanner_.scan(line_);
  if (json_fault_ != JsonFault::kNone) return;
  JsonCursor at(scanner_.marks());
  if (walk_line(at) && !at.is_at(static_cast<std::uint32_t>(line_.size()))) {
    json_fault_ = JsonFault::kTextAfter;
  }
}

Decoded Decoder::Impl::decode(std::string_view line, MarkedLines* marked) {
  TOCSIN_ASSERT(batch_ != nullptr, "begin() came first");
  line_ = line;
  start_line();
  if (marked == nullptr || (!take_known(*marked) && !walk_marked(*marked))) walk_alone();
  if (json_fault_ != JsonFault::kNone) {
    verdict_ = LineVerdict::kNoJson;
  } else if (verdict_ == LineVerdict::kOk && type_index_ == kTypeIgnored) {
    return {LineKind::kIgnored, false, {}, {}};
  } else if (verdict_ == LineVerdict::kOk && !has_time_) {
    verdict_ = LineVerdict::kNoTime;
  }
  const bool used = type_index_ >= 0 && type_->used;
  if (verdict_ != LineVerdict::kOk) {
    if (used) drop();
    problems_.clear();
    return {};
  }
  if (used) report_absent();
  return {LineKind::kEvent, used, cep::EventTypeIndex(static_cast<std::size_t>(type_index_)), ts_};
}

std::size_t Decoder::Impl::decode_known(std::string_view text, std::size_t line_bytes_max,
                                        std::size_t rows_max, MarkedLines& marked,
                                        DecodedBlock& block) {
  const char* at = text.data();
  if (pause_.is_on()) return 0;
  forget_line();
  SeparatedLine place = marked.separated(at);
  while (place.of != nullptr && batch_->rows.size() < rows_max) {
    std::uint32_t quotes = 0;
    const LineForm* const form = known_form(place, quotes);
    if (form == nullptr) {
      missed_ = at;
      break;
    }
    line_ = form->whole().of(place);
    if (line_.size() > line_bytes_max) break;
    if (!take_form(place, *form)) {
      take_back();
      missed_ = at;
      break;
    }
    if (type_index_ >= 0) {
      const bool used = type_->used;
      if (!has_time_ || verdict_ != LineVerdict::kOk) {
        if (used) drop();
        break;
      }
      if (used && !form->has_required()) {
        std::ranges::copy(form->seen(), seen_.begin());
        report_absent();
      }
      add_line(block, used);
    } else {
      add_ignored(line_, fault(), block);
    }
    pause_.found(line_.size());
    place.before += form->separators();
    place.quotes = quotes;
    at = place.text + place.begin();
    if (marked.is_past(place)) place = marked.separated(at);
  }
  if (place.of != nullptr) marked.separated_up_to(place);
  return static_cast<std::size_t>(at - text.data());
}

// Appends the event at hand, and its row where it has one.
void Decoder::Impl::add_line(DecodedBlock& block, bool used) {
  const bool has_problems = !problems_.empty();
  block.lines.push_back({line_, static_cast<std::uint32_t>(++block.line_count), LineKind::kEvent,
                         used, false, has_problems,
                         cep::EventTypeIndex(static_cast<std::size_t>(type_index_)), ts_});
  if (has_problems) {
    for (const FieldProblem& problem : problems_) {
      block.problems.push_back({block.lines.size() - 1, problem});
    }
    problems_.clear();
  }
  if (used) keep({}, {});
  has_time_ = false;
}
}  // namespace tocsin::runtime
