/// Record batches of Arrow, as a program of somebody else gives them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "runtime/arrow/arrow_abi.h"

namespace tocsin::tests {
__extension__ typedef __int128 ArrowNumber;
/// One entry; what counts of it is what its column's format says.
struct ArrowCell {
  bool is_null = true;
  ArrowNumber number = 0;
  double real = 0;
  std::string text = {};

  static ArrowCell of(ArrowNumber number) { return {false, number, 0, {}}; }
  static ArrowCell of_real(double real) { return {false, 0, real, {}}; }
  static ArrowCell of_text(std::string text) { return {false, 0, 0, std::move(text)}; }
};
struct ArrowColumnSource {
  std::string name;
  std::string format;  // of the values, where it is a dictionary; "+s": a struct
  std::vector<ArrowCell> cells;
  std::vector<ArrowColumnSource> children = {};
  bool is_dictionary = false;
  std::size_t skipped = 0;  // entries before the array's offset
};
/// Owns what its structs show. Threading: one caller at a time.
class ArrowBatch {
 public:
  /// Columns of equal length; `skipped` rows come before the batch's offset.
  explicit ArrowBatch(const std::vector<ArrowColumnSource>& columns, std::size_t skipped = 0);
  ArrowBatch(const ArrowBatch&) = delete;
  ArrowBatch& operator=(const ArrowBatch&) = delete;

  ArrowSchema& schema() { return root_->schema; }
  ArrowArray& array() { return root_->array; }

 private:
  struct Node {
    ArrowSchema schema{};
    ArrowArray array{};
    std::string name;
    std::string format;
    std::deque<std::vector<std::uint8_t>> bytes;
    std::vector<const void*> buffers;
    std::vector<Node*> children;
    std::vector<ArrowSchema*> child_schemas;
    std::vector<ArrowArray*> child_arrays;
  };
  Node& add_node(const ArrowColumnSource& column, std::size_t skipped_around);
  static void fill_values(Node& node, const std::vector<ArrowCell>& cells);
  static void fill_texts(Node& node, const std::vector<ArrowCell>& cells);
  void fill_dictionary(Node& node, const std::vector<ArrowCell>& cells);

  std::deque<Node> nodes_;
  Node* root_;
};
}  // namespace tocsin::tests
