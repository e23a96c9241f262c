/** What is counted of old sessions that are taken over: numbers that are added to. */
export interface AdoptionMeter {
  adopted: number;
  refused: number;
  failed: number;
}
