// SPDX-License-Identifier: Apache-2.0
package import MetricTokens

extension Record {
  /// The texts in which numbers are looked for: the answers, or what regions say is meant of them.
  ///
  /// A rated response's answer is made by its template, so nothing of it is counted.
  package func numberTexts(_ regions: [MetricRegion]) -> [String] {
    guard rated == nil else { return [] }
    let answers: [String] =
      switch content {
      case .promptCompletion(_, let answer): [answer].compactMap(\.self)
      case .text(let text): [text]
      case .messages(let messages):
        messages.dropFirst(promptMessages).filter { $0.role == .assistant }.map(\.content)
      }
    var texts = [String]()
    for region in Set(regions) {
      switch region {
      case .answer: return answers
      case .delimiters(let delimiters):
        for answer in answers { texts += parts(of: answer, delimiters.spans(in: answer)) }
      case .spans(let name): texts += parts(of: answers.last ?? "", spans[name] ?? [])
      }
    }
    return texts
  }

  /// How the numbers of those texts are written.
  package func survey(_ regions: [MetricRegion]) -> NumberSurvey {
    var survey = NumberSurvey()
    for text in numberTexts(regions) { survey.add(text) }
    return survey
  }

  private func parts(of text: String, _ ranges: [Range<Int>]) -> [String] {
    let scalars = Array(text.unicodeScalars)
    return ranges.map { String(String.UnicodeScalarView(scalars[$0.clamped(to: scalars.indices)])) }
  }
}
