// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// A token that continues a sequence in one of several ways at once.
struct BranchToken {
  var id: Int32
  /// How many tokens after the sequence it stands; 0 is directly after it.
  var depth: Int
  /// Columns of the tokens between the sequence and it, counted from the end of the sequences.
  var ancestors: [Int]
}

extension ModelContext {
  /// Reads tokens that continue the sequences in different ways, as branches of a tree: each sees its sequence and its
  /// own ancestors, so the sequence is kept once however many branches it has.
  ///
  /// - Parameters:
  ///   - branches: the new tokens of each sequence; the shorter lists are padded.
  ///   - trunk: cache length before the first branch was read. Branches read earlier stand from there on.
  /// - Returns: hidden states `[B, T, H]`, T being the longest list's count; token t gets column
  ///   `cache.length − trunk + t` of before the call.
  func read(branches: [[BranchToken]], trunk: Int) -> Tensor {
    let width = branches.map(\.count).max() ?? 0, past = cache.length - trunk
    var ids = [Int32](repeating: 0, count: count * width)
    var positions = lengths.flatMap { [Int64](repeating: Int64($0), count: width) }
    var seen = [Bool](repeating: false, count: count * width * (past + width))
    for (row, tokens) in branches.enumerated() {
      for (column, token) in tokens.enumerated() {
        let index = row * width + column
        ids[index] = token.id
        positions[index] += Int64(token.depth)
        for ancestor in token.ancestors { seen[index * (past + width) + ancestor] = true }
        seen[index * (past + width) + past + column] = true
      }
    }
    reserve(width)
    let trunkMask = real ?? .ones([1, trunk], dtype: .bool, device: device)
    let mask = Tensor.cat(
      [
        trunkMask.view([-1, 1, 1, trunk]).expand([count, 1, width, trunk]),
        Tensor(seen, shape: [count, 1, width, past + width], device: device),
      ], -1)
    var input = ModelInput(
      ids: Tensor(ids, shape: [count, width], device: device),
      positions: Tensor(positions, shape: [count, width], device: device), mask: mask)
    input.sequenceLength = sequenceLength
    return model.hidden(input, cache: cache, rows: nil)
  }

  /// Makes room for more tokens, doubling so that the copies stay few.
  private func reserve(_ tokens: Int) {
    let needed = cache.length + tokens
    guard needed > cache.capacity else { return }
    cache = cache.copy(rows: Array(0..<count), capacity: max(needed, 2 * cache.capacity))
  }
}
