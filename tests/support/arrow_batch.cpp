#include "tests/support/arrow_batch.h"

#include <algorithm>
#include <cstring>

namespace tocsin::tests {
namespace {
template <typename Struct>
void mark_released(Struct* of) {
  of->release = nullptr;
}
template <typename T>
void put(std::vector<std::uint8_t>& bytes, T value) {
  const std::size_t at = bytes.size();
  bytes.resize(at + sizeof value);
  std::memcpy(bytes.data() + at, &value, sizeof value);
}
void put_bit(std::vector<std::uint8_t>& bytes, std::size_t at, bool bit) {
  bytes.resize(std::max(bytes.size(), at / 8 + 1));
  if (bit) bytes[at / 8] = static_cast<std::uint8_t>(bytes[at / 8] | (1U << (at % 8)));
}
void put_value(std::vector<std::uint8_t>& bytes, const std::string& format, const ArrowCell& cell) {
  const std::string::size_type bits = format.rfind(',');
  const bool has_bits = std::count(format.begin(), format.end(), ',') == 2;
  if (format == "c" || format == "C") {
    put(bytes, static_cast<std::int8_t>(cell.number));
  } else if (format == "s" || format == "S") {
    put(bytes, static_cast<std::int16_t>(cell.number));
  } else if (format == "i" || format == "I" || format == "tdD") {
    put(bytes, static_cast<std::int32_t>(cell.number));
  } else if (format == "f") {
    put(bytes, static_cast<float>(cell.real));
  } else if (format == "g") {
    put(bytes, cell.real);
  } else if (format.starts_with("d:") && has_bits && format.substr(bits) == ",32") {
    put(bytes, static_cast<std::int32_t>(cell.number));
  } else if (format.starts_with("d:") && has_bits && format.substr(bits) == ",64") {
    put(bytes, static_cast<std::int64_t>(cell.number));
  } else if (format.starts_with("d:")) {
    put(bytes, cell.number);
  } else {
    put(bytes, static_cast<std::int64_t>(cell.number));
  }
}
}  // namespace

void ArrowBatch::fill_values(Node& node, const std::vector<ArrowCell>& cells) {
  std::vector<std::uint8_t>& bytes = node.bytes.emplace_back();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (node.format == "b") {
      put_bit(bytes, i, cells[i].number != 0);
    } else {
      put_value(bytes, node.format, cells[i]);
    }
  }
}

void ArrowBatch::fill_texts(Node& node, const std::vector<ArrowCell>& cells) {
  std::vector<std::uint8_t> first;
  std::vector<std::uint8_t> texts;
  const bool has_views = node.format == "vu";
  for (const ArrowCell& cell : cells) {
    const auto size = static_cast<std::int32_t>(cell.text.size());
    if (has_views) {
      constexpr std::size_t kInline = 12;
      put(first, size);
      if (cell.text.size() <= kInline) {
        std::string padded = cell.text;
        padded.resize(kInline);
        first.insert(first.end(), padded.begin(), padded.end());
        continue;
      }
      first.insert(first.end(), cell.text.begin(), cell.text.begin() + 4);
      put(first, std::int32_t{0});
      put(first, static_cast<std::int32_t>(texts.size()));
    } else if (node.format == "u") {
      put(first, static_cast<std::int32_t>(texts.size()));
    } else {
      put(first, static_cast<std::int64_t>(texts.size()));
    }
    texts.insert(texts.end(), cell.text.begin(), cell.text.end());
  }
  std::vector<std::uint8_t> sizes;
  if (has_views) {
    put(sizes, static_cast<std::int64_t>(texts.size()));
  } else if (node.format == "u") {
    put(first, static_cast<std::int32_t>(texts.size()));
  } else {
    put(first, static_cast<std::int64_t>(texts.size()));
  }
  node.bytes.push_back(std::move(first));
  node.bytes.push_back(std::move(texts));
  if (has_views) node.bytes.push_back(std::move(sizes));
}

// Each text once, in the order of their bytes; the column keeps 32-bit indices.
void ArrowBatch::fill_dictionary(Node& node, const std::vector<ArrowCell>& cells) {
  std::vector<std::string> words;
  for (const ArrowCell& cell : cells) {
    if (!cell.is_null) words.push_back(cell.text);
  }
  std::ranges::sort(words);
  words.erase(std::unique(words.begin(), words.end()), words.end());
  ArrowColumnSource values{"", node.format, {}};
  for (const std::string& word : words) values.cells.push_back(ArrowCell::of_text(word));
  Node& dictionary = add_node(values, 0);
  node.schema.dictionary = &dictionary.schema;
  node.array.dictionary = &dictionary.array;
  node.format = "i";
  std::vector<std::uint8_t>& bytes = node.bytes.emplace_back();
  for (const ArrowCell& cell : cells) {
    const auto word = std::ranges::lower_bound(words, cell.text);
    put(bytes, cell.is_null ? std::int32_t{-7} : static_cast<std::int32_t>(word - words.begin()));
  }
}

ArrowBatch::Node& ArrowBatch::add_node(const ArrowColumnSource& column,
                                       std::size_t skipped_around) {
  Node& node = nodes_.emplace_back();
  node.name = column.name;
  node.format = column.format;
  const std::size_t skipped = skipped_around + column.skipped;
  std::vector<ArrowCell> cells(skipped);
  cells.insert(cells.end(), column.cells.begin(), column.cells.end());
  node.array.length = static_cast<std::int64_t>(cells.size() - column.skipped);
  node.array.offset = static_cast<std::int64_t>(column.skipped);
  std::vector<std::uint8_t>& valid = node.bytes.emplace_back();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    put_bit(valid, i, !cells[i].is_null);
    if (i >= skipped && cells[i].is_null) ++node.array.null_count;
  }
  if (column.format == "+s") {
    for (const ArrowColumnSource& child : column.children) {
      Node& below = add_node(child, skipped);
      node.children.push_back(&below);
      node.child_schemas.push_back(&below.schema);
      node.child_arrays.push_back(&below.array);
    }
  } else if (column.format == "n") {
    node.bytes.clear();
  } else if (column.is_dictionary) {
    fill_dictionary(node, cells);
  } else if (column.format == "u" || column.format == "U" || column.format == "vu") {
    fill_texts(node, cells);
  } else {
    fill_values(node, cells);
  }
  for (const std::vector<std::uint8_t>& bytes : node.bytes) node.buffers.push_back(bytes.data());
  if (node.array.null_count == 0 && skipped % 2 == 0 && !node.buffers.empty()) {
    node.buffers.front() = nullptr;
  }
  node.schema.name = node.name.c_str();
  node.schema.format = node.format.c_str();
  node.schema.flags = ARROW_FLAG_NULLABLE;
  node.schema.n_children = node.array.n_children = static_cast<std::int64_t>(node.children.size());
  node.schema.children = node.child_schemas.data();
  node.array.children = node.child_arrays.data();
  node.schema.release = mark_released<ArrowSchema>;
  node.array.release = mark_released<ArrowArray>;
  node.array.n_buffers = static_cast<std::int64_t>(node.buffers.size());
  node.array.buffers = node.buffers.data();
  return node;
}

ArrowBatch::ArrowBatch(const std::vector<ArrowColumnSource>& columns, std::size_t skipped) {
  ArrowColumnSource all{"", "+s", {}};
  all.children = columns;
  all.skipped = skipped;
  all.cells.resize(columns.empty() ? 0 : columns.front().cells.size());
  for (ArrowCell& cell : all.cells) cell.is_null = false;
  root_ = &add_node(all, 0);
}
}  // namespace tocsin::tests
