/** What the host has begun to write about a night to come, kept while he looks at other screens. */
class Notes {
  draft = $state('');
}

export const notes = new Notes();
