// SPDX-License-Identifier: Apache-2.0
package import Files
import TokenData

/// Tells of a request, without reading it, that it is far too long: from any thread, in a millisecond for a megabyte.
///
/// The reward model itself says the same after making all tokens, which takes a second for some megabytes, and one
/// thread makes them for everybody.
public struct RequestScreen: Sendable {
  private let refusal: @Sendable (RewardRequest) -> InputError?

  /// - Parameter refusal: what is wrong with a request; nil for nothing.
  package init(_ refusal: @escaping @Sendable (RewardRequest) -> InputError?) { self.refusal = refusal }

  /// Refuses what has more text than any sequence of tokens that the run's model reads.
  init(_ ratings: RatingReader, _ artifacts: RunArtifacts) {
    let (bound, maxLength) = (artifacts.encoder.tokenizer.textBound, artifacts.maxLength)
    self.init { request in
      guard let bound else { return nil }
      let rated = ratings.shortened(RatedResponse(messages: request.messages, response: request.response))
      let texts = rated.messages.map(\.content) + [rated.response]
      let least = texts.reduce(0) { $0 + bound.fewestTokens(of: $1) }
      guard least > maxLength else { return nil }
      return InputError(
        path: "request", expected: "at most \(maxLength) tokens with instruction and answer",
        found: "at least \(least), by \(texts.reduce(0) { $0 + $1.utf8.count }) bytes",
        remedy:
          "Shorten prompt or response, or let the run file cut them: reward.longestPrompt, reward.longestResponse.")
    }
  }

  /// - Throws: `InputError` for a request that is too long whatever its tokens are.
  package func check(_ request: RewardRequest) throws(InputError) {
    if let error = refusal(request) { throw error }
  }
}
