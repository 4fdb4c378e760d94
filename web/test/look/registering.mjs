/** On a phone it is in the drawer, which may be open. */
const reach = async (page) => {
  if (!(await page.getByTestId("sign-out").isVisible())) await page.getByTestId("open-rooms").click()
}

/** Signs out, and comes in again as somebody with a password; on a phone the drawer is open then. */
export const register = async (page) => {
  await reach(page)
  await page.getByTestId("sign-out").click()
  await page.getByTestId("login-tab-password").click()
  await page.getByTestId("login-switch").click()
  await page.getByTestId("login-name").fill("Olena")
  await page.getByTestId("login-password").fill("kobzar 1840")
  await page.getByTestId("login-submit").click()
  await page.getByTestId("composer").waitFor()
  await reach(page)
}
