#include "rules/format/layout.h"

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "rules/text/utf8.h"

namespace tocsin::rules {
namespace {
constexpr std::size_t kIndent = 2;
constexpr std::size_t kBeforeComment = 2;  // blanks between a line and the comment at its end

std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); i += code_point_at(text, i).bytes) ++count;
  return count;
}

bool keeps_blank_lines(BreakRole role) {
  return role != BreakRole::kFill && role != BreakRole::kPlain;
}
}  // namespace

// ---- the commands
Layout::Command& Layout::add(Kind kind) {
  Command& command = commands_.emplace_back();
  command.kind = kind;
  return command;
}

void Layout::text(std::string_view text, bool blank_before) {
  if (at_break_ && blank_before) {
    Break& place = breaks_.back();
    place.blank_before = true;
    if (place.role == BreakRole::kEntry) place.hard = true;
  }
  at_break_ = false;
  add(Kind::kText).text = text;
}

void Layout::own_text(std::string text) { this->text(texts_.emplace_back(std::move(text))); }

void Layout::if_broken(std::string text) {
  add(Kind::kIfBroken).text = texts_.emplace_back(std::move(text));
}

void Layout::line_break(BreakForm form, BreakRole role) {
  add(Kind::kBreak).number = static_cast<std::uint32_t>(breaks_.size());
  Break& place = breaks_.emplace_back();
  place.form = form;
  place.role = role;
  place.hard = form == BreakForm::kAlways;
  at_break_ = true;
  if (role == BreakRole::kFill || pending_.empty()) return;
  place.hard = true;
  for (const std::string_view comment : pending_) {
    if (place.trailing.empty()) {
      place.trailing = comment;
    } else {
      place.own_comments.push_back({comment, false});
    }
  }
  pending_.clear();
}

void Layout::declaration(std::uint32_t kind) {
  line_break(BreakForm::kAlways, BreakRole::kDeclaration);
  breaks_.back().declaration_kind = kind;
}

void Layout::open(std::uint32_t extra) {
  open_.push_back({static_cast<std::uint32_t>(commands_.size()), extra});
  add(Kind::kOpen);
}

void Layout::close() {
  TOCSIN_ASSERT(!open_.empty(), "each close() has its open()");
  const Group group = open_.back();
  open_.pop_back();
  commands_[group.place].number = static_cast<std::uint32_t>(commands_.size());
  add(Kind::kClose).number = group.extra;
}

void Layout::comment(std::string_view text, bool own_line, bool blank_before) {
  if (!at_break_ || !pending_.empty()) {
    pending_.push_back(text);
    return;
  }
  Break& place = breaks_.back();
  place.hard = true;
  if (!own_line && place.trailing.empty() && place.own_comments.empty()) {
    place.trailing = text;
  } else {
    place.own_comments.push_back({text, blank_before});
    if (!keeps_blank_lines(place.role)) place.own_comments.back().blank_before = false;
  }
}

// ---- the lines
void Layout::measure() {
  std::uint32_t width = 0, hard = 0;
  for (Command& command : commands_) {
    command.width = width;
    command.hard = hard;
    if (command.kind == Kind::kText) {
      width += static_cast<std::uint32_t>(columns(command.text));
    } else if (command.kind == Kind::kBreak) {
      const Break& place = breaks_[command.number];
      if (place.form == BreakForm::kBlank) ++width;
      if (place.hard) ++hard;
    }
  }
  auto next = static_cast<std::uint32_t>(commands_.size());
  add(Kind::kClose);  // an end, so that `next` is always a command
  commands_.back().width = width;
  commands_.back().hard = hard;
  for (std::size_t i = commands_.size(); i-- > 0;) {
    if (commands_[i].kind == Kind::kBreak) next = static_cast<std::uint32_t>(i);
    commands_[i].next_break = next;
  }
}

// With what stands behind the group up to where the line may end next.
bool Layout::fits(std::size_t open, std::size_t column) const {
  const Command& begin = commands_[open];
  const Command& end = commands_[begin.number];
  const Command& next = commands_[end.next_break];
  return begin.hard == end.hard && column + (next.width - begin.width) <= width_max_ + end.number;
}

void Layout::end_line(const Break& place, std::size_t indent) {
  if (!lines_.empty()) lines_.back().comment = place.trailing;
  const std::size_t first = lines_.size();
  const bool closing = place.role == BreakRole::kClosing;
  for (const CommentLine& comment : place.own_comments) {
    Line& line = lines_.emplace_back();
    line.indent = indent + (closing ? kIndent : 0);
    line.text = comment.text;
    line.is_comment = true;
    line.blank_before = comment.blank_before;
  }
  Line& line = lines_.emplace_back();
  line.indent = indent;
  line.blank_before = place.blank_before && keeps_blank_lines(place.role) && !closing;
  if (place.role == BreakRole::kFirst || first == 0) lines_[first].blank_before = false;
  if (place.role == BreakRole::kDeclaration) {
    lines_[first].begins_declaration = true;
    lines_[first].declaration_kind = place.declaration_kind;
  }
}

void Layout::lay_out() {
  std::vector<bool> broken = {true};
  std::size_t indent = 0, column = 0;
  const auto put = [&](std::string_view text) {
    if (lines_.empty()) lines_.emplace_back();
    lines_.back().text += text;
    column += columns(text);
  };
  for (std::size_t i = 0; i < commands_.size(); ++i) {
    const Command& command = commands_[i];
    switch (command.kind) {
      case Kind::kText:
        put(command.text);
        break;
      case Kind::kIfBroken:
        if (broken.back()) put(command.text);
        break;
      case Kind::kBreak: {
        const Break& place = breaks_[command.number];
        if (broken.back()) {
          end_line(place, indent);
          column = indent;
        } else if (place.form == BreakForm::kBlank) {
          put(" ");
        }
        break;
      }
      case Kind::kOpen:
        broken.push_back(broken.back() && !fits(i, column));
        break;
      case Kind::kClose:
        broken.pop_back();
        break;
      case Kind::kIndent:
        indent += kIndent;
        break;
      case Kind::kDedent:
        indent -= kIndent;
        break;
    }
  }
}

// An empty line around each declaration of several lines and between kinds of declarations.
void Layout::separate_declarations() {
  struct Block {
    std::size_t begin = 0;
    std::uint32_t kind = 0;
    bool is_long = false;
  };
  std::vector<Block> blocks;
  std::size_t code_lines = 0;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (lines_[i].begins_declaration) {
      blocks.push_back({i, lines_[i].declaration_kind, false});
      code_lines = 0;
    }
    if (blocks.empty() || (lines_[i].is_comment && code_lines == 0)) continue;
    if (++code_lines > 1) blocks.back().is_long = true;
  }
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    const Block& before = blocks[i - 1];
    const Block& block = blocks[i];
    const bool at_end = block.kind == 0;
    if (!at_end && (before.is_long || block.is_long || before.kind != block.kind))
      lines_[block.begin].blank_before = true;
  }
}

// Comments at the ends of lines that follow one another stand in one column, where there is room.
void Layout::align_comments() {
  for (std::size_t i = 0; i < lines_.size();) {
    std::size_t end = i, widest = 0;
    while (end < lines_.size() && !lines_[end].comment.empty() &&
           lines_[end].indent == lines_[i].indent && (end == i || !lines_[end].blank_before)) {
      widest = std::max(widest, columns(lines_[end].text));
      ++end;
    }
    const bool room = lines_[i].indent + widest + kBeforeComment <= width_max_;
    for (std::size_t k = i; k < end; ++k) {
      Line& line = lines_[k];
      const std::size_t fill = room ? widest - columns(line.text) : 0;
      line.text.append(fill + kBeforeComment, ' ');
      line.text += line.comment;
    }
    i = std::max(end, i + 1);
  }
}

std::string Layout::joined() const {
  std::string out;
  for (const Line& line : lines_) {
    if (line.text.empty()) continue;  // the end of the file
    if (line.blank_before) out += '\n';
    out.append(line.indent, ' ');
    out += line.text;
    out += '\n';
  }
  return out;
}

std::string Layout::finish() {
  TOCSIN_ASSERT(open_.empty(), "each open() has its close()");
  measure();
  lay_out();
  separate_declarations();
  align_comments();
  return joined();
}
}  // namespace tocsin::rules
