#include "library/explain/automaton_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "rules/text/utf8.h"

namespace tocsin::library {
namespace {
constexpr int kMargin = 16;
constexpr int kColumn = 8;             // a letter of a name
constexpr std::size_t kNameMost = 28;  // columns
constexpr int kPadding = 24;
constexpr int kStateLeast = 56;
constexpr int kStateHeight = 32;
constexpr int kGap = 64;
constexpr int kPort = 14;       // from the middle of a state: where lines leave and arrive
constexpr int kFirstLane = 28;  // from the row
constexpr int kLane = 24;       // from lane to lane; more than two radii of a label
constexpr int kCorner = 6;
constexpr int kHead = 7;

// What a transition has on one side of the row.
struct Lane {
  std::size_t transition = 0;
  std::vector<std::size_t> targets;
  int left = 0;
  int right = 0;
  std::size_t level = 0;  // 0: nearest to the row
};

// Places lanes nearest to the row where they touch no other; short ones first. Returns the levels.
std::size_t place(std::vector<Lane>& lanes) {
  std::vector<std::size_t> order(lanes.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::size_t i) {
    return std::tuple(lanes[i].right - lanes[i].left, lanes[i].left, i);
  });
  std::vector<std::set<std::pair<int, int>>> levels;  // right ends, then left ends
  for (const std::size_t i : order) {
    Lane& lane = lanes[i];
    const auto is_free = [&](const std::set<std::pair<int, int>>& level) {
      const auto next = level.lower_bound({lane.left, 0});
      return next == level.end() || next->second > lane.right;
    };
    lane.level = static_cast<std::size_t>(std::ranges::find_if(levels, is_free) - levels.begin());
    if (lane.level == levels.size()) levels.emplace_back();
    levels[lane.level].insert({lane.right, lane.left});
  }
  return levels.size();
}

class Layout {
 public:
  explicit Layout(const rules::NamedAutomaton& automaton) {
    int x = kMargin;
    for (const rules::NamedState& state : automaton.states) {
      DrawnState drawn{cut_to(visible_text(state.name), kNameMost), false, x, 0, 0, kStateHeight};
      drawn.is_cut = drawn.text != state.name;
      drawn.width =
          std::max(kStateLeast, static_cast<int>(columns_of(drawn.text)) * kColumn + kPadding);
      x += drawn.width + kGap;
      drawing_.states.push_back(std::move(drawn));
    }
    drawing_.width = std::max(0, x - kGap) + kMargin;
    for (std::size_t i = 0; i < automaton.transitions.size(); ++i) {
      split(automaton.transitions[i], i);
    }
  }

  AutomatonDrawing draw() {
    const auto depth = [](std::size_t levels) {
      return levels == 0 ? 0 : kFirstLane + (static_cast<int>(levels) - 1) * kLane + kLabelRadius;
    };
    const int above = depth(place(above_));
    const int below = depth(place(below_));
    top_ = kMargin + above;
    bottom_ = top_ + kStateHeight;
    drawing_.height = bottom_ + below + kMargin;
    for (DrawnState& state : drawing_.states) state.y = top_;
    for (const auto& [from, transition] : straight_) draw_straight(from, transition);
    for (const Lane& lane : above_) draw_lane(lane, true);
    for (const Lane& lane : below_) draw_lane(lane, false);
    add_heads();
    return std::move(drawing_);
  }

 private:
  // Sorts what a transition leads to by how it is drawn.
  void split(const rules::NamedTransition& transition, std::size_t index) {
    drawing_.transitions.push_back({transition.from, {}, {}});
    const std::size_t from = transition.from;
    const std::size_t last =
        std::min(transition.to_last.value_or(transition.to) + 1, drawing_.states.size());
    if (from >= drawing_.states.size()) return;
    Lane above{index, {}};
    Lane below{index, {}};
    for (std::size_t to = transition.to; to < last; ++to) {
      if (to == from + 1 && straight_.emplace(from, index).second) continue;
      (to >= from ? above : below).targets.push_back(to);
    }
    for (auto [lane, all, side] :
         {std::tuple(&above, &above_, 1), std::tuple(&below, &below_, -1)}) {
      if (lane->targets.empty()) continue;
      lane->left = lane->right = middle(from) + side * kPort;
      for (const std::size_t to : lane->targets) {
        lane->left = std::min(lane->left, middle(to) - side * kPort);
        lane->right = std::max(lane->right, middle(to) - side * kPort);
      }
      all->push_back(*lane);
    }
  }

  void draw_straight(std::size_t from, std::size_t transition) {
    const DrawnState& begin = drawing_.states[from];
    const DrawnState& end = drawing_.states[from + 1];
    const int y = top_ + kStateHeight / 2;
    DrawnTransition& drawn = drawing_.transitions[transition];
    drawn.lines.push_back({from + 1, {{begin.x + begin.width, y}, {end.x, y}}});
    drawn.labels.push_back({begin.x + begin.width + (kGap - kHead) / 2, y});
  }
  // The lane's number stands behind its first corner; that of a loop in its middle.
  void draw_lane(const Lane& lane, bool is_above) {
    const int side = is_above ? 1 : -1;
    const int row = is_above ? top_ : bottom_;
    const int y = row - side * (kFirstLane + static_cast<int>(lane.level) * kLane);
    DrawnTransition& drawn = drawing_.transitions[lane.transition];
    const int begin = middle(drawn.from) + side * kPort;
    for (const std::size_t to : lane.targets) {
      const int end = middle(to) - side * kPort;
      drawn.lines.push_back({to, {{begin, row}, {begin, y}, {end, y}, {end, row}}});
    }
    const bool is_loop = lane.targets.size() == 1 && lane.targets.front() == drawn.from;
    drawn.labels.push_back(
        {is_loop ? middle(drawn.from) : begin + side * (kCorner + kLabelRadius), y});
  }
  // One where lines come to a state from the left, one from above and one from below.
  void add_heads() {
    std::set<std::tuple<int, int, int, int>> tips;
    for (const DrawnTransition& transition : drawing_.transitions) {
      for (const DrawnLine& line : transition.lines) {
        const Point tip = line.points.back();
        const Point before = line.points[line.points.size() - 2];
        const auto sign = [](int value) { return (value > 0) - (value < 0); };
        tips.insert({tip.x, tip.y, sign(tip.x - before.x), sign(tip.y - before.y)});
      }
    }
    for (const auto& [x, y, right, down] : tips) {
      const int half = kHead / 2 + 1;
      drawing_.heads.push_back(
          fmt::format("M{} {}L{} {}L{} {}Z", x, y, x - right * kHead + down * half,
                      y - down * kHead + right * half, x - right * kHead - down * half,
                      y - down * kHead - right * half));
    }
  }
  int middle(std::size_t state) const {
    return drawing_.states[state].x + drawing_.states[state].width / 2;
  }

  AutomatonDrawing drawing_;
  std::map<std::size_t, std::size_t> straight_;  // from which state: the transition
  std::vector<Lane> above_;
  std::vector<Lane> below_;
  int top_ = 0;     // of the row
  int bottom_ = 0;  // of the row
};

// Controls, and marks that change how the letters around them are read or written (UAX #9).
bool is_hidden(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
         (c & 0xFFFE) == 0xFFFE;
}
}  // namespace

AutomatonDrawing lay_out(const rules::NamedAutomaton& automaton) {
  return Layout(automaton).draw();
}

std::string path_of(const DrawnTransition& transition) {
  // Of each lane the line that goes farthest to either side; the others branch off it.
  std::map<std::pair<int, bool>, const DrawnLine*> farthest;
  const auto lane_of = [](const DrawnLine& line) {
    return std::pair(line.points[1].y, line.points[2].x > line.points[1].x);
  };
  for (const DrawnLine& line : transition.lines) {
    if (line.points.size() != 4) continue;
    const DrawnLine*& most = farthest[lane_of(line)];
    const auto length = [](const DrawnLine& one) {
      return std::abs(one.points[2].x - one.points[1].x);
    };
    if (most == nullptr || length(line) > length(*most)) most = &line;
  }
  std::string out;
  for (const DrawnLine& line : transition.lines) {
    const std::vector<Point>& at = line.points;
    if (at.size() == 2) {
      out += fmt::format("M{} {}H{}", at[0].x, at[0].y, at[1].x);
      continue;
    }
    const int y = at[1].y;
    const int up = at[0].y > y ? kCorner : -kCorner;
    const int right = at[2].x > at[1].x ? kCorner : -kCorner;
    if (&line == farthest[lane_of(line)]) {
      out += fmt::format("M{} {}V{}Q{} {} {} {}H{}", at[0].x, at[0].y, y + up, at[1].x, y,
                         at[1].x + right, y, at[2].x - right);
    } else {
      out += fmt::format("M{} {}", at[2].x - right, y);
    }
    out += fmt::format("Q{} {} {} {}V{}", at[2].x, y, at[2].x, y + up, at[3].y);
  }
  return out;
}

std::string visible_text(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const rules::CodePoint point = rules::code_point_at(text, at);
    out += !point.valid || is_hidden(point.value) ? "\uFFFD" : text.substr(at, point.bytes);
    at += point.bytes;
  }
  return out;
}

std::size_t bytes_within(std::string_view text, std::size_t columns) {
  std::size_t at = 0;
  for (std::size_t width = 0; at < text.size();) {
    const rules::CodePoint point = rules::code_point_at(text, at);
    width += point.value < 0x80 ? 1 : 2;
    if (width > columns) break;
    at += point.bytes;
  }
  return at;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    const rules::CodePoint point = rules::code_point_at(text, at);
    columns += point.value < 0x80 ? 1 : 2;
    at += point.bytes;
  }
  return columns;
}

std::string cut_to(std::string_view text, std::size_t columns) {
  if (bytes_within(text, columns) == text.size()) return std::string(text);
  return std::string(text.substr(0, bytes_within(text, columns - 2))) + "…";
}
}  // namespace tocsin::library
