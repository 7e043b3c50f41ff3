// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Testing

@Suite struct DocumentGroupTests {
  private let example = EncodedExample(
    documents: [
      EncodedExample(ids: [1, 2, 3, 4], supervised: [false, false, true, true]),
      EncodedExample(ids: [1, 2, 5], supervised: [false, false, true]),
    ], Responses(.preference, weight: 2, tokens: [TokenValues(reference: [-1, -2]), TokenValues(reference: [-3])]),
    margin: 1, source: "line 1")
  private let single = EncodedExample(
    documents: [EncodedExample(ids: [7, 8], supervised: [false, true])], Responses(.label(false)))

  @Test(arguments: [BatchLayout.padded, .packed(rowLength: 9)]) func documentsLieEndToEnd(layout: BatchLayout) {
    let supervision = TokenBatch([example, single], layout: layout).supervision
    #expect(supervision.labels == [3, 4, 5, 8])
    #expect(supervision.documents.map(\.tokens) == [0..<2, 2..<3, 3..<4])
    #expect(supervision.documents.map(\.values.reference) == [[-1, -2], [-3], nil])
    #expect(
      supervision.groups
        == [
          DocumentGroup(documents: 0..<2, worth: .preference, weight: 2),
          DocumentGroup(documents: 2..<3, worth: .label(false)),
        ])
    // The same pair may teach a head of scores.
    #expect(supervision.comparisons.map(\.margin) == [1])
  }

  @Test func documentsComeApartAgain() {
    #expect(example.document(0).ids == [1, 2, 3, 4])
    #expect(example.document(1).supervised == [false, false, true])
  }

  @Test func examplesAreKept() throws {
    for example in [example, single] {
      let data = try JSONEncoder().encode(example)
      #expect(try JSONDecoder().decode(EncodedExample.self, from: data) == example)
    }
  }
}
