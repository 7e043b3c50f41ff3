// SPDX-License-Identifier: Apache-2.0
import Testing
import Torch

/// Where tensors live after ``Torch/keepMemory()``.
@Suite struct KeptMemoryTests {
  init() { Torch.keepMemory() }

  /// Small tensors that stay lie between large ones when these are made. With malloc their space, once free, has no room
  /// for larger ones.
  @Test func freedSpaceServesLargerBlocks() throws {
    var large = [Tensor](), small = [Tensor]()
    for _ in 0..<200 {
      large.append(Tensor.ones([1 << 18]))
      small.append(Tensor.ones([64]))
    }
    let full = try AutogradTests.residentKilobytes()
    large = []
    for _ in 0..<50 { large.append(Tensor.ones([7 << 17])) }
    #expect(try AutogradTests.residentKilobytes() < full + (40 << 10))
    #expect((large + small).allSatisfy { $0.sum().intItem() == $0.count })
  }

  /// Blocks of many sizes, freed in another order than they were made: none overlap, all are aligned, and what was freed
  /// is whole again.
  @Test func blocksAreWholeAgain() throws {
    var kept = [(value: Float, tensor: Tensor)]()
    for round in 0..<400 {
      let count = 60_000 + round * 104_729 % 340_000
      kept.append((Float(round), Tensor.full([count], Double(round))))
      if kept.count > 30 { kept.remove(at: round * 7 % kept.count) }
    }
    #expect(
      kept.allSatisfy { value, tensor in
        tensor.withUnsafeMutableBytes { Int(bitPattern: $0.baseAddress) % 64 == 0 }
          && tensor.array(of: Float.self).allSatisfy { $0 == value }
      })
    let full = try AutogradTests.residentKilobytes()
    kept = []
    let whole = Tensor.ones([5 << 20])
    #expect(try AutogradTests.residentKilobytes() < full + (25 << 10))
    #expect(whole.sum().intItem() == 5 << 20)
  }
}
