// SPDX-License-Identifier: Apache-2.0
import Testing
import Torch
import TorchNN

@Suite struct AttentionMaskTests {
  @Test func causalQueriesAreTheLastTokens() {
    #expect(image(AttentionMask.causal(queries: 3, keys: 3)) == ["x..", "xx.", "xxx"])
    #expect(image(AttentionMask.causal(queries: 2, keys: 5)) == ["xxxx.", "xxxxx"])
    #expect(image(AttentionMask.causal(queries: 1, keys: 4)) == ["xxxx"])
    #expect(AttentionMask.causal(queries: 2, keys: 5).shape == [1, 1, 2, 5])
  }

  @Test func leftPaddingIsSeenByItselfAlone() {
    let mask = AttentionMask.leftPadded([0, 2], queries: 4, keys: 4)
    #expect(mask.shape == [2, 1, 4, 4])
    #expect(image(mask) == ["x...", "xx..", "xxx.", "xxxx", "x...", ".x..", "..x.", "..xx"])
    #expect(image(AttentionMask.leftPadded([1, 3], queries: 1, keys: 5)) == [".xxxx", "...xx"])
    let positions = AttentionMask.leftPaddedPositions([0, 2], queries: 4, keys: 4)
    #expect(positions.shape == [2, 4])
    #expect(positions.array(of: Int64.self) == [0, 1, 2, 3, 0, 0, 0, 1])
    #expect(AttentionMask.leftPaddedPositions([1, 3], queries: 1, keys: 5).array(of: Int64.self) == [3, 1])
  }

  @Test func packedDocumentsSeeThemselves() {
    let mask = AttentionMask.packed([[2, 3], [4]], length: 5)
    #expect(mask.shape == [2, 1, 5, 5])
    #expect(
      image(mask) == [
        "x....", "xx...", "..x..", "..xx.", "..xxx", "x....", "xx...", "xxx..", "xxxx.", "....x",
      ])
    let positions = AttentionMask.packedPositions([[2, 3], [4]], length: 5)
    #expect(positions.array(of: Int64.self) == [0, 1, 0, 1, 2, 0, 1, 2, 3, 0])
  }

  /// One string per query, x where it looks.
  private func image(_ mask: Tensor) -> [String] {
    let width = mask.size(-1), values = mask.array(of: Bool.self)
    return stride(from: 0, to: values.count, by: width).map { start in
      String(values[start..<start + width].map { $0 ? "x" : "." })
    }
  }
}
