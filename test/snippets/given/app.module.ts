/** The application of which a snippet is a part. */
export class AppModule {}
