#include "cep/value/nested_texts.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tocsin::cep {
namespace {
// The automaton of Aho and Corasick, made level by level: a node is a beginning of some texts, and
// knows the longest other node that it ends with. Where a text ends in a node, or in one of those
// that a node ends with, all texts that go on from it have that text in them, and no node is made
// for what follows. A text has at most one node for each of its bytes, and takes at most two steps
// for each, whatever texts begin or end alike: no list makes this quadratic.
class NestedTexts {
 public:
  explicit NestedTexts(std::span<const std::string_view> texts)
      : texts_(texts), nested_(texts.size()) {}

  std::vector<bool> find() {
    std::vector<Going> going;
    going.reserve(texts_.size());
    std::size_t bytes = 0;
    for (std::uint32_t i = 0; i < texts_.size(); ++i) {
      if (!texts_[i].empty()) going.push_back({texts_[i], i, kRoot});
      bytes += texts_[i].size();
    }
    const std::size_t nodes = std::min(bytes + 1, kNodesAhead);  // what is not used is not touched
    nodes_.reserve(nodes);
    bytes_.reserve(nodes);
    add_node('\0', kRoot);
    // Texts that begin alike are neighbours; a text is before those that go on from it.
    std::ranges::sort(going, {}, [](const Going& one) { return std::pair(one.text, one.number); });
    // Copied in this order, they are read from front to back.
    std::string copies;
    copies.reserve(bytes);
    for (Going& one : going) {
      copies += one.text;
      one.text = std::string_view(copies).substr(copies.size() - one.text.size());
    }
    for (std::size_t depth = 0; !going.empty(); ++depth) go_on(going, depth);
    return std::move(nested_);
  }

 private:
  static constexpr std::size_t kNodesAhead = std::size_t{1} << 22;
  static constexpr std::uint32_t kRoot = 0;
  struct Node {
    std::uint32_t children = 0;  // the first; the others follow it
    std::uint32_t suffix = kRoot;
    std::uint16_t child_count = 0;
    bool has_text = false;  // ends with a whole text
  };
  // A text in which none was found yet, and the node of its bytes so far.
  struct Going {
    std::string_view text;
    std::uint32_t number = 0;
    std::uint32_t node = kRoot;
  };

  std::uint32_t add_node(char byte, std::uint32_t suffix) {
    nodes_.push_back({0, suffix, 0, false});
    bytes_.push_back(byte);
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  }
  // The child of a node for a byte; the root where there is none.
  std::uint32_t child_of(const Node& node, char byte) const {
    if (node.child_count == 0) return kRoot;
    const char* const first = bytes_.data() + node.children;
    const void* const at = std::memchr(first, byte, node.child_count);
    if (at == nullptr) return kRoot;
    return static_cast<std::uint32_t>(static_cast<const char*>(at) - bytes_.data());
  }
  // The longest node that the child of a node for a byte ends with.
  std::uint32_t suffix_of_child(std::uint32_t parent, char byte) const {
    while (parent != kRoot) {
      parent = nodes_[parent].suffix;
      if (const std::uint32_t child = child_of(nodes_[parent], byte); child != kRoot) return child;
    }
    return kRoot;
  }
  // Takes each text's byte number `depth`, and away the texts that end there or are nested.
  void go_on(std::vector<Going>& going, std::size_t depth) {
    std::size_t kept = 0;
    for (Going one : going) {
      const char byte = one.text[depth];
      Node& parent = nodes_[one.node];
      std::uint32_t child = parent.children + parent.child_count - 1;
      if (parent.child_count == 0 || bytes_[child] != byte) {
        child = static_cast<std::uint32_t>(nodes_.size());
        const std::uint32_t suffix = suffix_of_child(one.node, byte);
        if (parent.child_count++ == 0) parent.children = child;
        add_node(byte, suffix);
        nodes_[child].has_text = nodes_[suffix].has_text;
      }
      if (nodes_[child].has_text) {
        nested_[one.number] = true;
      } else if (one.text.size() == depth + 1) {
        nodes_[child].has_text = true;
      } else {
        one.node = child;
        going[kept++] = one;
      }
    }
    going.resize(kept);
  }

  std::span<const std::string_view> texts_;
  std::vector<bool> nested_;
  std::vector<Node> nodes_;
  std::vector<char> bytes_;  // by node: its last
};
}  // namespace

std::vector<bool> have_others_inside(std::span<const std::string_view> texts) {
  return NestedTexts(texts).find();
}
}  // namespace tocsin::cep
