// SPDX-License-Identifier: Apache-2.0
import Testing
import Torch
import TorchNN

@Suite struct DocumentAttentionTests {
  /// Equal to a mask over the whole row at every token of a document, values and gradients; padding gets no gradient.
  @Test(arguments: [
    ([[16]], 16), ([[3, 1, 12]], 16), ([[5, 5], [9, 7]], 16), ([[1, 1, 1], [8, 2]], 11), ([[], [4, 9, 17]], 30),
  ])
  func equalsAMask(documents: [[Int]], length: Int) {
    let batch = documents.count, generator = Generator(seed: 1)
    func leaf(_ heads: Int) -> Tensor {
      Tensor.randn([batch, length, heads, 8], dtype: .float64, generator: generator).requiresGrad(true)
    }
    let leaves = [leaf(6), leaf(2), leaf(2)]
    let upstream = Tensor.randn([batch, length, 48], dtype: .float64, generator: generator)
    let isReal = Tensor(
      documents.flatMap { row in (0..<length).map { $0 < row.reduce(0, +) ? 1.0 : 0 } }, shape: [batch, length, 1])
    func run(_ attend: (Tensor, Tensor, Tensor) -> Tensor) -> (Tensor, [Tensor]) {
      let result = attend(leaves[0], leaves[1], leaves[2]) * isReal
      return (result, gradients(of: [(result * upstream).sum()], withRespectTo: leaves).compactMap { $0 })
    }
    let mask = AttentionMask.packed(documents, length: length)
    let whole = run { query, key, value in
      scaledDotProductAttention(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), mask: mask)
        .transpose(1, 2).reshape([batch, length, -1])
    }
    let attention = DocumentAttention(documents, length: length)
    let grouped = run { attention(query: $0, key: $1, value: $2) }
    #expect((whole.0 - grouped.0).abs().max().item() < 1e-14)
    #expect(grouped.1.count == 3)
    for (a, b) in zip(whole.1, grouped.1) {
      #expect((a - b).abs().max().item() < 1e-13)
      #expect((b * (1 - isReal.unsqueeze(-1))).abs().max().item() == 0)
    }
  }
}
